"""Every request of the browser has one handler, found by its class; a new one is one file."""

from types import SimpleNamespace
from typing import Any, get_args

import pytest

from reorder_core.errors import OrderError
from ui.timeline import background, guided, page
from ui.timeline.requests import events, handling
from ui.timeline.requests.events import Event
from ui.timeline.requests.handling import After, handles

PARTS = (background, guided, page)
"""What the Timeline's page imports; their handlers register as they are imported."""


def test_each_request_that_can_be_parsed_has_a_handler() -> None:
    (union, _) = get_args(events._REQUESTS._type)
    classes = set(get_args(union))
    assert len(classes) > 15
    assert set(handling.HANDLERS) == classes


def test_a_handler_added_elsewhere_is_found_and_says_what_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Wave:
        type = "wave"

    monkeypatch.setattr(handling, "HANDLERS", dict(handling.HANDLERS))
    seen: list[Any] = []

    @handles(Wave)
    def wave(event: Event, run: Any, history: Any) -> After:
        seen.append(run)
        return After.PAGE

    run: Any = SimpleNamespace(id="demo")
    history: Any = None
    assert handling._obey(Event(1, Wave()), run, history) == After.PAGE and seen == [run]
    with pytest.raises(OrderError, match="cannot shout; reload it"):
        handling._obey(Event(2, SimpleNamespace(type="shout")), run, history)
