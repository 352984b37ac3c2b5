"""Colours: one source, readable, and nothing from the network."""

import re
import tomllib
from pathlib import Path

import pytest

from ui.charts import theme

ROOT = Path(__file__).parent.parent.parent
ROLES = {
    "primaryColor": "accent",
    "backgroundColor": "paper",
    "secondaryBackgroundColor": "panel",
    "textColor": "ink",
    "borderColor": "line",
    "linkColor": "accent",
}


@pytest.mark.parametrize(("name", "column"), [("light", 0), ("dark", 1)])
def test_streamlits_theme_has_the_colours_of_ours(name: str, column: int) -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    for option, role in ROLES.items():
        assert config["theme"][name][option] == theme.COLOURS[role][column], option


@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("ground", ["paper", "panel", "sunken"])
@pytest.mark.parametrize("text", ["ink", "muted", "accent", "warn"])
def test_text_has_contrast_enough_to_be_read(text: str, ground: str, column: int) -> None:
    assert contrast(theme.COLOURS[text][column], theme.COLOURS[ground][column]) >= 4.5


@pytest.mark.parametrize("column", [0, 1])
def test_domain_colours_stand_out_from_the_panel(column: int) -> None:
    for pair in theme.DOMAINS:
        assert contrast(pair[column], theme.COLOURS["panel"][column]) >= 2.2


def test_the_app_fetches_nothing_from_elsewhere() -> None:
    namespaces = ("http://www.w3.org/2000/svg",)
    for path in filter(Path.is_file, theme.WEB.rglob("*")):
        found = set(re.findall(r"https?://[^\s'\"`)]+", path.read_text())) - set(namespaces)
        assert not found, path.name


def test_every_css_variable_used_is_defined() -> None:
    sheet = theme.stylesheet()
    scripts = "".join(path.read_text() for path in theme.WEB.rglob("*.js"))
    used = set(re.findall(r"var\((--ro-[a-z0-9-]+)", sheet))
    defined = set(re.findall(r"(--ro-[a-z0-9-]+)\s*:", sheet + scripts))
    defined |= set(re.findall(r"setProperty\('(--ro-[a-z0-9-]+)'", scripts))
    assert used <= defined, used - defined


def contrast(a: str, b: str) -> float:
    """WCAG contrast ratio of two #rrggbb colours."""
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
