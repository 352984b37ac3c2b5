"""What the browser may ask for. It proposes; nothing it sends is trusted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from reorder_core.errors import OrderError
from reorder_core.export.plain import whole
from reorder_core.orders.moves import Move, make_move
from reorder_core.orders.order import Order, make_order
from reorder_core.orders.visits import Visits

_LARGEST_SEQUENCE = 2**53


class Request(BaseModel):
    """One request; what else the browser sends along is ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Command(Request):
    """A step through the history that needs no more words."""

    type: Literal["undo", "redo", "reset"]


class Retraining(Request):
    """The order on screen is to be really retrained, or that retraining stopped."""

    type: Literal["verify", "cancel"]


class Soon(Request):
    """A retraining may be asked for in a moment: the pointer is on the button."""

    type: Literal["soon"]


class OfJob(Request):
    """A retraining of the queue, by the hash of its order: to be stopped, or to be looked at."""

    type: Literal["cancel-job", "show-job"]
    hash: str = Field(max_length=64)


class Drop(Request):
    """A whole new order, and what was done to get it."""

    type: Literal["drop"]
    run: Any = None
    order: Any = None
    move: Any = None


class Jump(Request):
    """A place in the history to go to, or whose move is to be left out."""

    type: Literal["jump", "remove"]
    place: int = Field(ge=0, lt=10**6)
    hash: str = Field(max_length=64)
    """Of the order at that place as the browser knows it."""


class Branch(Request):
    """A branch of the history by its name."""

    type: Literal["fork", "switch", "forget"]
    name: str = Field(max_length=200)


class Preset(Request):
    """A named order of the run to go on from."""

    type: Literal["preset"]
    name: str = Field(max_length=40)
    options: dict[str, Any] = Field(default_factory=dict, max_length=4)
    seed: str = Field(default="", max_length=40)
    """Of a random order, as it was typed."""


class Paste(Request):
    """The text of an order file to go on from."""

    type: Literal["paste"]
    text: str = Field(max_length=2_000_000)
    source: str = Field(default="pasted order", max_length=80)


class Suggest(Request):
    """What the next move should do: moves that might are looked for."""

    type: Literal["suggest"]
    aim: str = Field(max_length=240)
    """Of a domain with its name: `domain stories`."""
    selection: int | None = Field(default=None, ge=0, lt=10**9)
    """The selected tile, whose sample is to be remembered or forgotten."""


class Trial(Request):
    """A selected group whose moves to a few steps are to be estimated."""

    type: Literal["trial"]
    samples: list[int] = Field(max_length=100_000)
    kind: Literal["insert", "swap"]


class Picked(Request):
    """The tiles selected on the board, told while the table of samples is open."""

    type: Literal["picked"]
    samples: list[Annotated[int, Field(ge=0, lt=10**9)]] = Field(max_length=100_000)


FigureName = Literal["generalization", "ranking", "memorization", "trajectory"]


class Figures(Request):
    """What the four figures are to show, and whose tables are open."""

    type: Literal["figures"]
    measure: Literal["change", "learned"] = "change"
    bent: bool = False
    """The axis of memorization: logarithmic away from zero."""
    against: Literal["reference", "previous"] = "reference"
    curve: Literal["heldout", "training", "sample"] = "heldout"
    sample: int | None = Field(default=None, ge=0, lt=10**9)
    """The selected tile, whose loss is the curve where that is chosen."""
    tables: list[FigureName] = Field(default=[], max_length=4)


ViewId = Annotated[str, Field(max_length=40)]


class SaveView(Request):
    """Keep the order on screen under a name."""

    type: Literal["save-view"]
    name: str = Field(max_length=400)
    note: str = Field(default="", max_length=4000)
    selection: int | None = Field(default=None, ge=0, lt=10**9)
    metric: str = Field(default="", max_length=20)


class EditView(Request):
    """Another name and note for a saved view."""

    type: Literal["rename-view"]
    id: ViewId
    name: str = Field(max_length=400)
    note: str = Field(default="", max_length=4000)


class ChooseView(Request):
    """A saved view to show or to delete."""

    type: Literal["open-view", "delete-view"]
    id: ViewId


class PlaceView(Request):
    """Where in the deck a saved view is to stand."""

    type: Literal["place-view"]
    id: ViewId
    place: int = Field(ge=0, lt=10**6)


class Compare(Request):
    """What the order on screen is compared with; `nothing` ends comparing."""

    type: Literal["compare"]
    base: Literal["nothing", "reference", "previous", "view", "place"]
    id: ViewId = ""
    place: int = Field(default=0, ge=0, lt=10**6)
    hash: str = Field(default="", max_length=64)


class Guide(Request):
    """A guided question and which of its orders to show; no key ends it."""

    type: Literal["guide"]
    key: str = Field(max_length=20)
    stop: int = Field(default=0, ge=0, lt=100)


class Figure(Request):
    """A figure as the browser drew it; the PNG as base64."""

    name: str = Field(max_length=60)
    svg: str = Field(max_length=4_000_000)
    png: str = Field(max_length=12_000_000)


class Export(Request):
    """A file to take away."""

    type: Literal["export"]
    what: Literal["order", "csv", "parquet", "bundle", "figure"]
    figure: FigureName = "generalization"
    """Whose numbers, where they are of a figure."""
    figures: list[Figure] = Field(default=[], max_length=20)


_REQUESTS: TypeAdapter[Any] = TypeAdapter(
    Annotated[
        Command | Retraining | Soon | OfJob | Drop | Jump | Branch | Preset | Paste | Suggest
        | Trial | Picked | Figures | SaveView | EditView | ChooseView | PlaceView | Compare | Guide
        | Export,
        Field(discriminator="type"),
    ]
)  # fmt: skip


_SHARED = {
    "verify": "retrain", "cancel": "cancel retrainings", "cancel-job": "cancel retrainings",
    "save-view": "save views", "rename-view": "rename views", "place-view": "sort views",
    "delete-view": "delete views",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One request that passed every check."""

    sequence: int
    """The browser's own count of its events; 0 when it sent none that can be used."""
    request: Any
    """One of the classes above."""
    order: Order | None = None
    """Of a drop."""
    move: Move | None = None
    """Of a drop, where it says which."""

    @property
    def command(self) -> str:
        return self.request.type

    @property
    def changes(self) -> str | None:
        """What the request changes for everybody, in words; None where only for its sender."""
        return _SHARED.get(self.command)


def sequence_of(payload: Any) -> int:
    """The payload's sequence number; 0 when it has none."""
    value = payload.get("seq") if isinstance(payload, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 <= value < _LARGEST_SEQUENCE else 0


def parse_event(payload: Any, run_id: str, visits: Visits | int) -> Event:
    """The request in a payload; raises OrderError for anything else than a good one."""
    if not isinstance(payload, dict):
        raise OrderError(f"the browser sent {type(payload).__name__}, no request; reload the page")
    request = _request(payload)
    sequence = sequence_of(payload)
    if not isinstance(request, Drop):
        return Event(sequence, request)
    _check_run(request.run, run_id)
    return Event(
        sequence, request, _order(request.order, visits), _move(request.move, _count(visits))
    )


def _request(payload: dict[Any, Any]) -> Any:
    try:
        return _REQUESTS.validate_python(whole(payload))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"].startswith("union_tag"):
            kind = str(payload.get("type"))[:40]
            raise OrderError(
                f"unknown request {kind!r} from the browser; reload the page"
            ) from None
        where = ".".join(map(str, first["loc"]))[:80]
        raise OrderError(
            f"the browser's request is damaged ({where}: {first['msg']}); reload the page"
        ) from None


def _check_run(given: Any, run_id: str) -> None:
    if given != run_id:
        raise OrderError(
            f"this page shows run {str(given)[:60]!r}, but the app now serves "
            f"{run_id!r}; reload the page"
        )


def _count(visits: Visits | int) -> int:
    return visits if isinstance(visits, int) else visits.count


def _order(ids: Any, visits: Visits | int) -> Order:
    count = _count(visits)
    if not isinstance(ids, list) or len(ids) > 2 * count:
        raise OrderError(f"the browser sent no order of {count} samples; reload the page")
    return make_order(ids, count) if isinstance(visits, int) else visits.make_order(ids)


def _move(given: Any, count: int) -> Move | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise OrderError("the browser's move is damaged; reload the page")
    return make_move(given.get("kind"), given.get("samples"), given.get("slot"), count)
