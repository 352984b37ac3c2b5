"""What the browser knows of both themes: plotly's template, and each colour by its name."""

from typing import Any

from ui.charts import theme
from ui.charts.template import MODES, Mode, colour, template


def look() -> dict[str, Any]:
    """Mode → template and colours."""
    return {mode: _of(mode) for mode in MODES}


def _of(mode: Mode) -> dict[str, Any]:
    names = [*theme.COLOURS, *(f"domain-{place}" for place in range(len(theme.DOMAINS)))]
    return {
        "template": template(mode).to_plotly_json(),
        "colours": {name: colour(name, mode) for name in names},
    }
