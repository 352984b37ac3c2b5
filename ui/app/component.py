"""The browser side: one packaged Streamlit component whose scripts lie in ui/web.

Registered by hand rather than through an installed package's pyproject.toml,
so that `streamlit run app.py` works from a plain checkout. The scripts are
fetched once as modules; only data travels with a rerun.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import plotly
from streamlit.components.v2 import component
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

from ui.app import state
from ui.charts.theme import WEB

PART = 2_000_000
"""Characters of JSON in JSON, all of them ASCII: at most twice as many bytes."""
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


def in_parts(data: dict[str, Any]) -> tuple[str, ...]:
    """The data as JSON, cut so that no message to the browser becomes long."""
    text = json.dumps(data, separators=(",", ":"))
    return tuple(text[at : at + PART] for at in range(0, len(text), PART))


def publish_parts(channel: str, parts: Sequence[str], stamp: str) -> None:
    """As `publish`, of data `in_parts`; `stamp` names the data, which are read once for it."""
    for at, text in enumerate(parts):
        part = {"stamp": stamp, "at": at, "of": len(parts), "text": text}
        record = {"view": "part", "channel": channel, "value": part}
        _mount()(key=f"ro_channel_{channel}_{at}", data=record)


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
