"""Thirty domains, long names and names written right to left stay legible wherever they stand."""

import io
import zipfile
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pytest
from driving import Served, charted, drag, open_timeline

from ui.app.markdown import plain
from ui.charts.theme import DOMAINS

LABELS = """chart => {
  const plot = document.querySelector(`${chart} .js-plotly-plot`);
  return [...plot.querySelectorAll(
    '.ytick text, .xtick text, .annotation-text, .legendtext, .xtitle, .ytitle')]
    .map((one) => [one.textContent, one.getBoundingClientRect()])
    .filter(([, { width }]) => width > 0)
    .map(([text, { left, right, top, bottom }]) => ({ text, left, right, top, bottom }));
}"""
WIDTHS = pytest.mark.parametrize("width", [1440, 420])


def overlapping(page: Any, chart: str) -> list[tuple[str, str]]:
    """Pairs of labels of a figure that lie on each other by more than a pixel or so."""
    found = page.evaluate(LABELS, chart)
    assert len(found) > 5, "there are labels to look at"

    def apart(a: dict[str, Any], b: dict[str, Any]) -> bool:
        beside = a["right"] < b["left"] + 2 or b["right"] < a["left"] + 2
        return beside or a["bottom"] < b["top"] + 3 or b["bottom"] < a["top"] + 3

    return [(a["text"], b["text"]) for a, b in combinations(found, 2) if not apart(a, b)]


@WIDTHS
def test_no_label_of_the_timelines_figures_lies_on_another(
    served_domains: Served, page: Any, width: int
) -> None:
    run = served_domains.run
    assert len(run.domains) == 30
    page.set_viewport_size({"width": width, "height": 900})
    open_timeline(page, served_domains.url)
    page.locator(".ro-board").scroll_into_view_if_needed()
    drag(page, int(run.reference_order[1]), int(run.reference_order[42]))
    charted(page)
    for figure in ("generalization", "ranking", "memorization", "trajectory"):
        assert overlapping(page, f"[data-figure={figure}]") == [], figure


@WIDTHS
def test_no_label_of_the_map_of_held_out_text_lies_on_another(
    served_domains: Served, page: Any, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{served_domains.url}/generalization")
    chart = ".st-key-ro_chart_influence"
    page.wait_for_selector(f"{chart} .ytick text", timeout=60_000)
    assert overlapping(page, chart) == []


def test_domains_without_a_colour_of_their_own_are_told_by_number_and_named_on_their_tiles(
    served_domains: Served, page: Any
) -> None:
    run = served_domains.run
    open_timeline(page, served_domains.url)
    entries = page.locator(".ro-filter [data-filter]").all_inner_texts()
    assert len(entries) == len(DOMAINS) and entries[-1] == "other: 23 domains"
    page.locator(".ro-filter [data-filter]").last.click()
    tiles = page.locator(".ro-tile:not(.ro-dim)")
    shown = tiles.evaluate_all("all => all.map((t) => t.dataset.sample)")
    names = {run.samples[int(i)].domain for i in shown}
    assert len(names) == 23 and not names & set(entries)
    other = next(s for s in run.samples if s.domain == "עברית")
    page.locator(f'.ro-tile[data-sample="{other.sample_id}"]').click()
    assert page.locator(".ro-inspect-meta bdi").inner_text() == "עברית"
    assert page.locator(".ro-inspect-text").get_attribute("dir") == "auto"


def test_the_bundles_pictures_are_well_formed(served_domains: Served, page: Any) -> None:
    run = served_domains.run
    open_timeline(page, served_domains.url)
    drag(page, int(run.reference_order[2]), int(run.reference_order[50]))
    charted(page)
    page.locator("[data-command=share]").click()
    with page.expect_download(timeout=60_000) as waiting:
        page.locator("[data-share=bundle]").click()
    with zipfile.ZipFile(io.BytesIO(waiting.value.path().read_bytes())) as archive:
        pictures = [name for name in archive.namelist() if name.endswith(".svg")]
        assert len(pictures) == 4
        for name in pictures:
            root = ElementTree.fromstring(archive.read(name))
            assert root.tag.endswith("svg"), name


def test_names_in_sentences_are_no_links_and_turn_no_number(
    served_domains: Served, page: Any
) -> None:
    page.goto(f"{served_domains.url}/generalization")
    page.wait_for_selector(".st-key-ro_chart_gap .main-svg", timeout=90_000)
    said = page.locator("[class*=st-key-ro_figure_] p")
    text = " ".join(said.all_inner_texts())
    assert "\u2068עברית\u2069" in text or "\u2068العربية\u2069" in text
    assert said.locator("a").count() == 0


@pytest.mark.parametrize("address", ["https://a.example/b", "www.a.example", "who@a.example"])
def test_an_address_in_a_name_parts_where_a_link_would_begin(address: str) -> None:
    shown = plain(address)
    assert "\N{WORD JOINER}" in shown
    assert shown.replace("\N{WORD JOINER}", "").replace("\\", "") == address


@WIDTHS
def test_the_legend_of_what_is_trained_when_stands_above_its_cells(
    served_domains: Served, page: Any, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(served_domains.url)
    page.wait_for_selector(".st-key-ro_chart_mosaic .legendtext", timeout=60_000)
    page.wait_for_timeout(500)  # a legend is placed anew once its font has come
    assert overlapping(page, ".st-key-ro_chart_mosaic") == []
    legend = page.locator(".st-key-ro_chart_mosaic .legend").bounding_box()
    cells = page.locator(".st-key-ro_chart_mosaic .nsewdrag").bounding_box()
    assert legend["y"] + legend["height"] <= cells["y"] + 2
