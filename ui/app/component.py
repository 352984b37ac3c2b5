"""The browser side: one packaged Streamlit component whose scripts lie in ui/web.

Registered by hand rather than through an installed package's pyproject.toml,
so that `streamlit run app.py` works from a plain checkout. The scripts are
fetched once as modules; only data travels with a rerun.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import plotly
from streamlit.components.v2 import component
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

from ui.app import state
from ui.charts.theme import WEB

_NAME = "reorder.web"
_PLOTLY = Path(plotly.__file__).parent
_mounts: WeakKeyDictionary[Any, Callable[..., Any]] = WeakKeyDictionary()


def pictures(chart: str, title: str) -> None:
    """Buttons that save the plotly chart of that key as SVG or PNG."""
    _mount()(key=f"{chart}_pictures", width="content",
             data={"view": "pictures", "chart": chart, "title": title})  # fmt: skip


def timeline(data: dict[str, Any], on_event: Callable[[], None]) -> None:
    """The instrument; `on_event` is called when the browser asks for something."""
    _mount()(key=state.TIMELINE, data={"view": "timeline", **data}, on_event_change=on_event)


def publish(channel: str, data: dict[str, Any]) -> None:
    """Send data that other components on the page listen to; draws nothing.

    What rarely changes travels apart from what changes with every drop.
    """
    record = {"view": "channel", "channel": channel, "value": data}
    _mount()(key=f"ro_channel_{channel}", data=record)


def _mount() -> Callable[..., Any]:
    manager = get_bidi_component_manager()  # one per server, and one per AppTest
    if manager not in _mounts:
        if manager.get_component_path(_NAME) is None:
            package, entry = _NAME.split(".")
            manifest = ComponentManifest(package, "1", [ComponentConfig(entry, WEB.name)])
            manager.register_from_manifest(manifest, WEB.parent)
        if manager.get_component_path("plotly.assets") is None:
            # plotly.js out of the installed package: figures/plotly.js loads it from beside ours.
            assets = [ComponentConfig("assets", "package_data")]
            manager.register_from_manifest(ComponentManifest("plotly", "1", assets), _PLOTLY)
        _mounts[manager] = component(_NAME, js="main.js", isolate_styles=False)
    return _mounts[manager]
