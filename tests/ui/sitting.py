"""The app without a browser: a page opened, what it sent, an event as the browser sends it."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import ROOT
from streamlit.testing.v1 import AppTest


def app(path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("REORDER_RUN", str(path))
    monkeypatch.setattr(sys, "argv", ["app.py"])
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)


def page(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, address: dict[str, str]
) -> AppTest:
    at = app(path, monkeypatch).run()
    at.switch_page(str(ROOT / "pages" / f"{name}.py"))
    for key, value in address.items():
        at.query_params[key] = value
    return at.run()


def sent(at: AppTest, key: str) -> dict[str, Any]:
    """The data that a component was given last."""
    return json.loads(at.get_by_key(key).proto.json)


def fire(at: AppTest, key: str, event: Any) -> AppTest:
    """Send an event as the browser does. Streamlit's private protocol, hence the pinned version."""
    states = at._tree.get_widget_states()
    widget = states.widgets.add()
    widget.id = f"$$STREAMLIT_INTERNAL_KEY_{at.get_by_key(key).proto.id}__events"
    widget.json_trigger_value = json.dumps([{"event": "event", "value": event}])
    return at._run(states)


def figures(at: AppTest) -> list[dict[str, Any]]:
    """Every plotly figure on the page: data and layout."""
    return [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]


def figure(at: AppTest, name: str) -> dict[str, Any]:
    """The plotly figure of that name, its arrays as lists."""
    found = next(spec for spec in figures(at) if spec["layout"]["meta"]["name"] == name)
    return unpacked(found)


def unpacked(value: Any) -> Any:
    """What plotly wrote, its base64 arrays as lists."""
    if isinstance(value, dict) and "bdata" in value:
        array = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        shape = [int(n) for n in str(value.get("shape", len(array))).split(",")]
        return array.reshape(shape).tolist()
    if isinstance(value, dict):
        return {key: unpacked(part) for key, part in value.items()}
    return [unpacked(part) for part in value] if isinstance(value, list) else value
