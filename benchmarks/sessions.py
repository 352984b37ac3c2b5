"""Sessions of the app without browsers: a WebSocket that speaks Streamlit's own protocol.

What a browser does is done: the page is opened by its name, events go to the
component that the server named, in its fragment; fragments that poll are run
again at their interval; the address is sent back as the server last wrote it.
Streamlit's protocol is private, hence its pinned version.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

TIMELINE = "reorder_timeline"


@dataclass
class Component:
    """One of our components as the server described it last."""

    id: str
    fragment: str
    data: dict[str, Any]


@dataclass
class Session:
    """One visitor on a page; `async with Session(url, "timeline") as session:`."""

    url: str
    page: str = "timeline"
    query: str = ""
    components: dict[str, Component] = field(default_factory=dict)
    """By the view or channel that each shows."""
    exceptions: list[str] = field(default_factory=list)
    """Tracebacks that the server sent."""
    page_hash: str = ""
    """The page's name with the server, once it has told."""
    received: int = 0
    """Bytes."""
    sequence: int = 0
    runs: int = 0
    """Of the script or of a fragment, that ended."""

    async def __aenter__(self) -> Self:
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        protocols: Any = ["streamlit"]
        self._socket = await connect(
            address, subprotocols=protocols, max_size=None, ping_interval=None, compression=None
        )
        self._changed, self._polls = asyncio.Condition(), dict[str, asyncio.Task[None]]()
        self._listening = asyncio.create_task(self._listen())
        await self.rerun()
        return self

    async def __aexit__(self, *_: Any) -> None:
        for task in [*self._polls.values(), self._listening]:
            task.cancel()
        await self._socket.close()

    async def rerun(self, fragment: str = "", polled: bool = False, widget: Any = None) -> None:
        """Ask for a run of the script, or of a fragment; `widget` is (id, JSON of a trigger)."""
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash = self.query, self.page_hash
        asked.page_name = "" if self.page_hash else self.page
        asked.fragment_id, asked.is_auto_rerun = fragment, polled
        asked.context_info.color_scheme = "light"
        for component in self.components.values():  # or an event would reach no component
            state = asked.widget_states.widgets.add()
            state.id, state.json_value = component.id, "{}"
        if widget is not None:
            state = asked.widget_states.widgets.add()
            state.id, state.json_trigger_value = widget
        await self._socket.send(message.SerializeToString())

    async def send(self, event: Any) -> int:
        """An event of the timeline, as its script sends it; its sequence number."""
        self.sequence += 1
        if isinstance(event, dict):
            event = {"seq": self.sequence, **event}
        timeline = self.components[TIMELINE]
        name = f"$$STREAMLIT_INTERNAL_KEY_{timeline.id}__events"
        value = json.dumps([{"event": "event", "value": event}])
        await self.rerun(timeline.fragment, widget=(name, value))
        return self.sequence

    async def until(self, condition: Any, seconds: float = 60) -> None:
        """Wait; TimeoutError where `condition()` does not come true."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: condition() or self._listening.done())
        if self._listening.done():
            raise ConnectionError("the server ended the session") from self._listening.exception()

    async def ready(self, seconds: float = 120) -> dict[str, Any]:
        """The timeline's data, as soon as it is there."""
        await self.until(lambda: TIMELINE in self.components or self.exceptions, seconds)
        assert not self.exceptions, self.exceptions[0]
        return self.timeline

    @property
    def timeline(self) -> dict[str, Any]:
        return self.components[TIMELINE].data

    async def answered(self, event: Any, seconds: float = 60) -> float:
        """Milliseconds from sending an event to the data that answers it."""
        began = time.perf_counter()
        number = await self.send(event)
        await self.until(lambda: self.exceptions or self.timeline["seq"] >= number, seconds)
        assert not self.exceptions, self.exceptions[0]
        return 1000 * (time.perf_counter() - began)

    async def _listen(self) -> None:
        try:
            async for content in self._socket:
                assert isinstance(content, bytes)
                self.received += len(content)
                self._take(ForwardMsg.FromString(content))
                async with self._changed:
                    self._changed.notify_all()
        finally:
            asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(self._wake()))

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _take(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "delta":
                self._drawn(message.delta)
            case "page_info_changed":
                self.query = message.page_info_changed.query_string
            case "new_session":
                if not message.metadata.run.fragment_ids:
                    self._forget(list(self._polls))
            case "navigation":
                self.page_hash = message.navigation.page_script_hash
            case "auto_rerun":
                self._poll(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            case "stop_auto_rerun":
                self._forget(list(message.stop_auto_rerun.fragment_ids))
            case "script_finished":
                self.runs += 1

    def _drawn(self, delta: Any) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        match element.WhichOneof("type"):
            case "exception":
                self.exceptions.append(f"{element.exception.type}: {element.exception.message}")
            case "bidi_component":
                drawn = element.bidi_component
                data = json.loads(drawn.json or drawn.mixed.json or "{}")
                is_timeline = data.get("view") == "timeline"
                name: str = TIMELINE if is_timeline else str(data.get("channel", ""))
                self.components[name] = Component(drawn.id, delta.fragment_id, data)

    def _poll(self, fragment: str, interval: float) -> None:
        self._forget([fragment])

        async def poll() -> None:
            while True:
                await asyncio.sleep(interval)
                await self.rerun(fragment, polled=True)

        self._polls[fragment] = asyncio.create_task(poll())

    def _forget(self, fragments: list[str]) -> None:
        for fragment in fragments:
            if fragment in self._polls:
                self._polls.pop(fragment).cancel()
