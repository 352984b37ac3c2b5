"""Colours, type scale and palettes, defined once; JavaScript reads them as CSS variables.

Each colour is a (light, dark) pair written as `light-dark()`; Streamlit sets
`color-scheme` on its root, so a theme switch needs no rerun and no script.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

WEB = Path(__file__).parents[1] / "web"
ICON = str(WEB / "icon.svg")

COLOURS: dict[str, tuple[str, str]] = {
    "paper": ("#f8f8f5", "#10161c"),
    "panel": ("#ffffff", "#182028"),
    "sunken": ("#f0f1ed", "#131a21"),
    "ink": ("#17212b", "#e7ecef"),
    "muted": ("#55626e", "#9fadb8"),
    "line": ("#dfe1dd", "#2b3641"),
    "axis": ("#aab2b5", "#4c5a66"),
    "accent": ("#0b5a7d", "#6fbfe0"),
    "accent-ink": ("#ffffff", "#0d1419"),
    "accent-soft": ("#e2eef3", "#1c303b"),
    "reference": ("#7d8890", "#8795a1"),
    "estimate": ("#0b5a7d", "#6fbfe0"),
    "truth": ("#111111", "#ffffff"),
    "warn": ("#8a4b00", "#f0b862"),
    "warn-soft": ("#fdf1de", "#33291a"),
    # Diverging, red-blue: distinct under all common colour-vision deficiencies.
    # Blue: the loss falls, remembered better. Red: it rises, remembered less.
    "fall": ("#1f64a8", "#6cb0ee"),
    "rise": ("#b83227", "#f2836f"),
    "zero": ("#f3f3f0", "#26313b"),
}
"""Role -> (light, dark)."""

DOMAINS: tuple[tuple[str, str], ...] = (
    ("#0072b2", "#4ba3e0"),  # blue
    ("#e69f00", "#efb43c"),  # orange
    ("#009e73", "#2fc39a"),  # bluish green
    ("#cc79a7", "#e49ac2"),  # reddish purple
    ("#56b4e9", "#9ad6f7"),  # sky blue
    ("#d55e00", "#f2864a"),  # vermillion
    ("#b3a400", "#efe467"),  # yellow, darkened on light ground
    ("#6e7780", "#97a3ad"),  # grey
)
"""Okabe and Ito's palette, lightened for the dark theme; one per domain, then again."""

TYPE_SCALE: dict[str, str] = {
    "xs": "0.75rem",
    "s": "0.8125rem",
    "m": "0.9375rem",
    "l": "1.125rem",
    "xl": "1.5rem",
    "xxl": "2rem",
}


OTHER = len(DOMAINS) - 1
"""The colour that all further domains share where there are more domains than colours."""


def domain_variable(index: int) -> str:
    """The CSS variable that holds the colour of the domain with this index."""
    return f"--ro-domain-{index % len(DOMAINS)}"


def ordered_domains(domains: Sequence[str]) -> tuple[str, ...]:
    """Domains in the order that gives each its colour, the same on every page."""
    return tuple(sorted(domains))


def domain_places(of: Iterable[str]) -> dict[str, int]:
    """Domain → place of its colour in DOMAINS, from every sample's domain.

    Of more domains than colours, the largest have one each and the others share OTHER.
    """
    counts = Counter(of)
    names = ordered_domains(tuple(counts))
    if len(names) <= len(DOMAINS):
        return {name: at for at, name in enumerate(names)}
    largest = ordered_domains(sorted(names, key=lambda name: -counts[name])[:OTHER])
    own = {name: at for at, name in enumerate(largest)}
    return {name: own.get(name, OTHER) for name in names}


def variables() -> str:
    """The CSS rule that defines every `--ro-…` variable."""
    pairs = [(f"--ro-{role}", colour) for role, colour in COLOURS.items()]
    pairs += [(domain_variable(index), colour) for index, colour in enumerate(DOMAINS)]
    lines = [f"{name}: light-dark({light}, {dark});" for name, (light, dark) in pairs]
    lines += [f"--ro-text-{size}: {length};" for size, length in TYPE_SCALE.items()]
    return ".stApp, .ro-tip {" + " ".join(lines) + "}"


@cache
def stylesheet() -> str:
    """All CSS of the app: the variables, then the files in ui/web by name."""
    parts = [path.read_text(encoding="utf-8") for path in sorted(WEB.glob("*.css"))]
    return "\n".join([variables(), *parts])


def install() -> None:
    """Put the stylesheet into the page; call once a run, before anything is drawn."""
    import streamlit as st  # here, so that ui.charts takes its colours without it

    st.html(f"<style>{stylesheet()}</style>")
