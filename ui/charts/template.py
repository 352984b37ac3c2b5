"""What every figure shares: colours, type, axes, footer, what its buttons do.

Importing streamlit makes a template of sentinel colours plotly's default, so a
figure starts from `blank`, which names its own template, and never from `go.Figure()`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import plotly.graph_objects as go

from ui.charts import theme

Mode = Literal["light", "dark", "named"]
"""A theme; or colours by their names, for a browser that fills in its own theme's."""
MODES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
FONT = '"Source Sans", "Source Sans 3", "Helvetica Neue", Arial, sans-serif'
TEXT, SMALL = 13, 11
"""Pixels."""
LONGEST = 28
"""Letters of a name in a legend or beside an axis; whole names are told on hover."""
FOOT = 62
"""Pixels under the plot: tick labels, the axis's name, the footer."""
ISOLATE, ISOLATED = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_KEPT = f"\n\t{ISOLATE}{ISOLATED}"
_TURNED = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure's numbers come from: told in its footer and in the names of its files."""

    run: str
    estimator: str = ""
    """With what it knows: "hybrid, 16 + 3 retrainings"."""
    order: str = ""
    """The hash of the one order shown; empty where the figure shows many or none."""

    def footer(self) -> str:
        """One line of plain text."""
        parts = [f"run {self.run}", self.order and f"order {self.order[:8]}", self.estimator]
        return " · ".join(part for part in parts if part)

    def file(self, name: str) -> str:
        """A file's name without its ending, safe in every file system."""
        parts = (name, self.run, self.order[:8], self.estimator.split(",")[0])
        return "_".join(re.sub(r"[^A-Za-z0-9+.-]+", "-", part) for part in parts if part)


def colour(name: str, mode: Mode, alpha: float = 1.0) -> str:
    """A role of `theme.COLOURS`, or `domain-3`, as CSS; see-through by `alpha`.

    By name: `@domain-3/0.4`.
    """
    if mode == "named":
        return f"@{name}/{alpha:g}"
    kind, _, index = name.rpartition("-")
    if kind == "domain" and index.isdigit():
        pair = theme.DOMAINS[int(index) % len(theme.DOMAINS)]
    else:
        pair = theme.COLOURS[name]
    shade = pair[MODES.index(mode)]
    if alpha >= 1:
        return shade
    red, green, blue = (int(shade[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def domain_colours(of: Iterable[str]) -> dict[str, str]:
    """Domain → the name of its colour, from every sample's domain; the same on every page."""
    return {name: f"domain-{place}" for name, place in theme.domain_places(of).items()}


def domain_groups(
    of: Iterable[str], longest: int = LONGEST
) -> list[tuple[str, str, tuple[str, ...]]]:
    """Legend entry, colour and domains of each colour; the last may hold the further ones."""
    found: dict[str, list[str]] = {}
    for name, shade in domain_colours(of).items():
        found.setdefault(shade, []).append(name)
    return [
        (label(names[0], longest) if len(names) == 1 else others(len(names)), shade, tuple(names))
        for shade, names in sorted(found.items())
    ]


def others(count: int) -> str:
    """What a legend calls the domains that share a colour."""
    return f"other: {count} domains"


@cache
def template(mode: Mode) -> go.layout.Template:
    """The look of all figures on light or dark ground.

    The ground is opaque: a figure drawn for the theme that was on a moment
    ago is still legible, and so is a picture of it on any slide.
    """
    ink, muted, panel = (colour(name, mode) for name in ("ink", "muted", "panel"))
    axis: dict[str, Any] = {
        "gridcolor": colour("line", mode),
        "zeroline": False,
        "linecolor": colour("axis", mode),
        "tickcolor": colour("axis", mode),
        "tickfont": {"color": muted, "size": 12},
        "title": {"font": {"color": muted, "size": 12}, "standoff": 8},
        "automargin": False,
        "ticklabeloverflow": "allow",  # to hide some, plotly would measure every label
        "ticks": "",
        "exponentformat": "power",
        "minexponent": 4,
    }
    layout = {
        "font": {"family": FONT, "size": TEXT, "color": ink},
        "paper_bgcolor": panel,
        "plot_bgcolor": panel,
        "colorway": [pair[MODES.index(mode)] for pair in theme.DOMAINS],
        "margin": {"l": 62, "r": 16, "t": 34, "b": FOOT},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": ink, "bordercolor": ink, "align": "left",
                       "font": {"color": panel, "family": FONT, "size": TEXT}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom",
                   "bgcolor": "rgba(0,0,0,0)", "font": {"color": muted, "size": 12},
                   "itemsizing": "constant", "title": {"text": ""}},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": muted,
                    "activecolor": colour("accent", mode)},
        "xaxis": axis,
        "yaxis": axis,
        "dragmode": "zoom",
    }  # fmt: skip
    return go.layout.Template(layout=layout)


def blank(
    name: str, title: str, mode: Mode, source: Source, height: int, uirevision: str = "",
    **more: Any,
) -> go.Figure:  # fmt: skip
    """An empty figure on our template, with its footer; `more` of its layout.

    `uirevision` names what is shown: zoom and hidden legend entries stay while
    it stays. `layout.meta` carries title and file name to whoever saves it.
    What a layout is given later takes plotly ten times as long.
    """
    drawn = layout(name, title, mode, source, height, uirevision)
    return go.Figure(layout={"template": template(mode)} | drawn | more)


def layout(
    name: str, title: str, mode: Mode, source: Source, height: int, uirevision: str = ""
) -> dict[str, Any]:
    """The layout of an empty figure, without its template; see `blank`."""
    footer = {
        "name": "footer", "text": escaped(source.footer()), "showarrow": False,
        "xref": "paper", "yref": "paper", "x": 1, "y": 0, "xanchor": "right", "yanchor": "bottom",
        "yshift": 2 - FOOT, "xshift": 10, "font": {"size": SMALL, "color": colour("muted", mode)},
    }  # fmt: skip
    return {
        "height": height,
        "uirevision": uirevision or name,
        "meta": {"name": name, "title": title, "file": source.file(name)},
        "annotations": [footer],
    }


def config(figure: go.Figure, formats: Literal["png", "svg"] = "png") -> dict[str, Any]:
    """What plotly's own buttons do with the figure; for `st.plotly_chart` or `Plotly.react`."""
    return {
        "displaylogo": False,
        "displayModeBar": "hover",
        "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
        "toImageButtonOptions": {"format": formats, "filename": meta(figure)["file"], "scale": 2},
    }


def meta(figure: go.Figure) -> dict[str, str]:
    """The name, title and file name that `blank` gave a figure."""
    known: Any = figure.layout
    return known.meta


def isolated(text: str) -> str:
    """A name or a sample's text beside others: where anything in it is written from right to
    left, it must not turn the words and numbers around it.
    """
    if not _TURNED.search(text):
        return text
    kept, depth = [], 0
    for one in text:
        depth += (one == ISOLATE) - (one == ISOLATED)
        if depth < 0:  # would end what is around it
            depth = 0
            continue
        kept.append(one)
    return f"{ISOLATE}{''.join(kept)}{ISOLATED * (depth + 1)}"


def escaped(text: str) -> str:
    """Text for a figure, isolated: plotly reads some HTML there, and samples are not trusted."""
    visible = "".join(c if c.isprintable() or c in _KEPT else "\ufffd" for c in text)
    return isolated(visible.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def label(text: str, longest: int = LONGEST, end: int = 0) -> str:
    """A name on a figure: cut with "…" before its last `end` letters, escaped and isolated."""
    line = " ".join(text.split())
    if len(line) > longest:
        line = line[: longest - end - 1] + "…" + line[len(line) - end :]
    return escaped(line)


def signed(value: float, digits: int = 3) -> str:
    """`+0.012`, `−0.012`, `0.000`; an en dash for what is not a number."""
    if value != value:
        return "–"
    shown = f"{abs(value):.{digits}f}"
    return shown if float(shown) == 0 else ("−" if value < 0 else "+") + shown
