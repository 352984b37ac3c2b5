"""Screenshots for the README and the docs, from the demo: docs/images/*.png.

python benchmarks/screenshots.py [--run data/demo]
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from browser_app import FIDELITY, HOME, READY, ROOT, chromium, served, wait_until_healthy

IMAGES = ROOT / "docs" / "images"
VIEWS = (("light", 1440, 1000), ("dark", 1440, 1000), ("light", 420, 900))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, default=ROOT / "data" / "demo")
    options = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        shutil.copytree(options.run, run, ignore=shutil.ignore_patterns("cache"))
        with served(run) as url:
            wait_until_healthy(url)
            for scheme, width, height in VIEWS:
                size = {"width": width, "height": height}
                with chromium(viewport=size, color_scheme=scheme) as page:
                    take(page, url, f"{scheme}-{width}")


def take(page: Any, url: str, name: str) -> None:
    page.goto(url)
    page.wait_for_selector(HOME)
    shoot(page, f"home-{name}")
    page.goto(f"{url}/timeline")
    page.wait_for_selector(READY)
    tiles = page.locator('.ro-tile[data-flag="canary"]')
    page.mouse.move(*centre(tiles.first))
    page.mouse.down()
    page.mouse.move(*centre(page.locator(".ro-tile").nth(200)), steps=10)
    shoot(page, f"dragging-{name}")
    page.mouse.up()
    page.wait_for_selector(".ro-timeline[data-state=waiting]")
    page.wait_for_selector(READY)
    if name == "light-1440":
        page.get_by_role("button", name="Verify", exact=True).click()
        page.get_by_role("button", name="Verified", exact=True).wait_for(timeout=300_000)
    page.mouse.move(2, 2)  # no tooltip in the picture
    shoot(page, f"timeline-{name}")
    page.goto(f"{url}/fidelity")
    page.wait_for_selector(FIDELITY, timeout=60_000)
    shoot(page, f"fidelity-{name}", full=True)


def shoot(page: Any, name: str, full: bool = False) -> None:
    if full:  # Streamlit scrolls inside the page, so make room for all of it
        width = page.viewport_size["width"]
        height = page.evaluate("document.querySelector('.stMainBlockContainer').scrollHeight")
        page.set_viewport_size({"width": width, "height": int(height) + 40})
    page.wait_for_timeout(500)  # transitions end
    page.screenshot(path=IMAGES / f"{name}.png")


def centre(tile: Any) -> tuple[float, float]:
    tile.scroll_into_view_if_needed()
    box = tile.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


if __name__ == "__main__":
    main()
