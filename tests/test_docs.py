"""What the documents point at is there."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings are linked to."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.strip().replace(" ", "-") for title in plain}


def broken(page: Path) -> list[str]:
    """Links of a page that lead nowhere, addresses on other machines left out."""
    text = page.read_text(encoding="utf-8")
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if "://" in target:
            continue
        at = (page.parent / file).resolve() if file else page
        if not at.exists() or (anchor and anchor not in anchors(at)):
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path):
    assert broken(page) == []


def test_the_check_above_can_fail(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("# One\n[a](#one) [b](#two) [c](none.md) [d](page.md#one)", encoding="utf-8")
    assert broken(page) == ["#two", "none.md"]


def test_the_readme_leads_to_every_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lacking = [p.name for p in PAGES[2:] if str(p.relative_to(ROOT)) not in text]
    assert lacking == []


def test_the_readme_has_the_demos_numbers_as_its_report_has_them():
    report = json.loads(next((ROOT / "data/demo/fidelity").glob("random-32-*.json")).read_text())
    found = report["estimators"]["hybrid"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| demo, controlled text \| (.+) \|$", readme, re.M)
    assert row.split(" | ") == [
        f"{found['r2']:.2f}", f"{found['rho_sample']:.2f}", f"{found['rho_within']:.3f}",
        f"{found['rho_heldout']:.2f}", f"{100 * found['coverage90']:.0f} %",
    ]  # fmt: skip


def test_what_code_and_documents_cite_can_be_opened():
    """Files of the repository by their path, and no document that is not in it."""
    cited = re.compile(
        r"\b(?:docs|benchmarks|tests|examples|data|reorder_core|ui)/[\w/.-]+\.(?:md|py|yaml)\b"
    )
    missing = []
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"),
                 *(p for top in ("reorder_core", "ui", "benchmarks", "pages", "tests")
                   for p in (ROOT / top).rglob("*.py"))]:  # fmt: skip
        text = path.read_text(encoding="utf-8")
        missing += [(path.name, name) for name in cited.findall(text) if not (ROOT / name).exists()]
        missing += [(path.name, name) for name in re.findall(r"\b[A-Z]{3,}\.md\b", text)
                    if not (ROOT / name).exists()]  # fmt: skip
    assert missing == []
