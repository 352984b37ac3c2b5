"""A sample's tokens as HTML, coloured by their loss; everything of a text is escaped."""

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ui.charts.template import Mode, colour

MOST_NATS = 6.0
"""Where the scale of a loss ends."""


def pieces(text: str, ends: Sequence[int]) -> list[str]:
    """The part of the text that each token is."""
    return [text[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def table(parts: Sequence[str], losses: dict[str, NDArray]) -> pd.DataFrame:
    """A line a token: its text and its loss by order; the first has none."""
    frame = pd.DataFrame({"token": parts})
    for name, values in losses.items():
        frame[name] = np.concatenate([[np.nan], values])[: len(parts)]
    return frame


def coloured(
    parts: Sequence[str], values: NDArray, mode: Mode, limit: float, signed: bool, label: str
) -> str:
    """The text, each token on a ground as dark as its loss is high (or, signed, red and blue).

    values: one a token, nan where there is none. The number is told on hover.
    """
    spans = []
    for part, value in zip(parts, values, strict=True):
        if not np.isfinite(value):
            spans.append(f"<span>{_visible(part)}</span>")
            continue
        share = min(1.0, abs(float(value)) / limit)
        shade = "rise" if value > 0 else "fall"
        ground = colour(shade if signed else "accent", mode, round(0.06 + 0.54 * share, 3))
        told = f"{value:+.3f}" if signed else f"{value:.3f}"
        style = f"background:{ground};border-bottom:{_rule(share, value, signed)}"
        spans.append(f'<span title="{told} nats" style="{style}">{_visible(part)}</span>')
    ink = colour("ink", mode)
    return (
        f'<div class="ro-tokens" role="group" aria-label="{html.escape(label)}" '
        f'style="color:{ink};font-family:monospace;line-height:2;overflow-wrap:anywhere;'
        f'white-space:pre-wrap" dir="auto">{"".join(spans)}</div>'
    )


def _rule(share: float, value: float, signed: bool) -> str:
    """A line under a token, so that colour is not alone: dashed falls, solid rises."""
    width = 1 + round(2 * share)
    return f"{width}px {'dashed' if signed and value < 0 else 'solid'} currentColor"


def _visible(part: str) -> str:
    """The part with what cannot be seen made visible."""
    shown = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in part)
    return html.escape(shown.replace("\n", "↵\n"))
