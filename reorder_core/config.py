"""What a run is built from: one YAML file, checked field by field."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SerializeAsAny,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from reorder_core.corpus.sources import Source, source_class, source_of
from reorder_core.corpus.tokenizer_config import TokenizerConfig
from reorder_core.errors import ConfigError
from reorder_core.yaml_text import load_yaml

Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]


_NAMES = frozenset(
    ("name", "path", "text_column", "domain_column", "domains", "template", "rows", "kind")
)
"""Fields of text: `no`, `on` or `1.10` there are no truth and no number."""
_CLIPPED = (
    "gradient clipping is not supported: where it bites, a step depends on the norm of the whole "
    "gradient, which estimates on sampled coordinates do not know; leave it out, as Adam's update "
    "keeps its size whatever the gradient's"
)
_MOMENTUM = (
    "only adam and adamw are supported: estimates replay Adam's moments, and SGD's update grows "
    "with the gradient, so that none of the figures of docs/fidelity.md would hold"
)
NOT_TRAINED = {
    **dict.fromkeys(("training.max_grad_norm", "training.gradient_clipping", "training.clip",
                     "training.clip_grad_norm"), _CLIPPED),
    **dict.fromkeys(("training.optimizer", "training.momentum", "training.nesterov"), _MOMENTUM),
    "training.dropout": "dropout is off: a training would differ from itself in the same order",
    "training.bf16": "bf16 rounds every update; train in float32",
    "training.fp16": "fp16 rounds every update; train in float32",
}  # fmt: skip
"""Fields that people look for and that a run has not, with the reason."""
_SHOWN = 60
"""Characters of a wrong value that a message repeats."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelConfig(_Part):
    family: Literal["llama", "gpt2", "gpt_neox"] = "llama"
    hidden_size: Count = 64
    layers: Count = 2
    heads: Count = 4
    intermediate_size: Count = 176
    tie_embeddings: bool = False

    @model_validator(mode="after")
    def _divisible(self) -> "ModelConfig":
        if self.hidden_size % (2 * self.heads):
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of 2 · heads = {2 * self.heads}"
            )
        return self

    @property
    def title(self) -> str:
        """In a few words."""
        return f"{self.family}, {self.layers} layers of {self.hidden_size}"

    def facts(self) -> dict[str, Any]:
        """What `info --json` tells of it."""
        return {"family": self.family, "layers": self.layers, "hidden_size": self.hidden_size}


class LoraConfig(_Part):
    """Low-rank adapters (arXiv 2106.09685): only they are trained, and θ is theirs alone."""

    rank: Count = 8
    alpha: Count = 16
    targets: tuple[str, ...] = ()
    """Names of the linear layers that get one; none: those that peft knows for the architecture."""
    last_layers: Count | None = None
    """Only in so many of the last layers; what comes before them is computed once. None: in all."""


class PretrainedModel(_Part):
    """A causal language model of Transformers with its own tokenizer, trained further."""

    model_config = ConfigDict(serialize_by_alias=True)

    source: Annotated[str, Field(alias="from", min_length=1)]
    """A local folder or GGUF file, relative to the config; a name on the hub; or
    package:NAME/FILE.gguf, a file that an installed Python package carries."""
    revision: str | None = None
    """Of a name on the hub."""
    lora: LoraConfig | None = None
    """None trains all parameters."""

    def located(self, folder: Path) -> "PretrainedModel":
        """A local folder taken from the config's own; a name on the hub as it is."""
        local = Path(self.source).expanduser()
        local = local if local.is_absolute() else folder / local
        return self.model_copy(update={"source": str(local)}) if local.exists() else self

    @property
    def title(self) -> str:
        """In a few words."""
        lora = f", LoRA of rank {self.lora.rank}" if self.lora else ""
        name = Path(self.source).name.removesuffix(".gguf")
        return f"{name or self.source}{lora}"

    def facts(self) -> dict[str, Any]:
        """What `info --json` tells of it."""
        return {"from": self.source, "lora": self.lora and self.lora.rank}


AnyModel = Annotated[
    Annotated[ModelConfig, Tag("random")] | Annotated[PretrainedModel, Tag("pretrained")],
    Discriminator(lambda value: "pretrained" if _is_pretrained(value) else "random"),
]
"""Random weights of a family, or pretrained ones: what `from` names."""


def _is_pretrained(value: Any) -> bool:
    return isinstance(value, PretrainedModel) or (isinstance(value, dict) and "from" in value)


class ScheduleConfig(_Part):
    steps: Annotated[int, Field(ge=0)] = 32
    batch_size: Count = 8
    learning_rate: Rate = 6e-4
    schedule: Literal["constant", "cosine", "linear", "wsd"] = "constant"
    """After a linear warm-up, down to `final_fraction`: cosine by half a cosine, linear in a line,
    wsd by a line over the last fifth of the steps."""
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    final_fraction: Annotated[float, Field(ge=0, le=1)] = 0.1


class TrainingConfig(ScheduleConfig):
    optimizer: Literal["adam", "adamw"] = "adam"
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    epsilon: Annotated[float, Field(gt=0)] = 1e-8
    weight_decay: Rate = 0.0
    """adamw only."""
    decayed: Literal["all", "matrices"] = "all"
    """matrices: no decay of parameters with one dimension, which are biases and norms."""
    optimizer_state: Literal["carry", "fresh"] = "carry"
    """Whether the analysed run starts from the base phase's Adam moments."""
    order_seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    """Another reference order of the same samples and weights; none takes them as drawn."""
    epochs: Count = 1
    """E, how often the reference run trains each sample; each epoch has an order of its own."""
    rates: tuple[Rate, ...] | None = None
    """The rate of each update as it was recorded, in place of a schedule."""
    reference_order: Literal["file"] | None = None
    """file: samples are trained in the order of the text; none shuffles them by the run's seed."""
    base: ScheduleConfig = ScheduleConfig(
        steps=256, batch_size=16, learning_rate=1e-3, schedule="cosine", warmup_steps=16
    )
    """The phase before the analysed run; steps: 0 starts from random weights."""


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "quick": {
        "projection": {"anchors": 2, "rank": 640, "kept": 480, "adjoint": False},
        "calibration": {"orders": 4},
        "position": {"orders": 256},
    },
    "standard": {
        "projection": {"anchors": 2, "rank": 680, "kept": 480},
        "calibration": {"orders": 8},
        "position": {"orders": 512},
    },
    "precise": {
        "projection": {"anchors": 4, "rank": 1280, "kept": 640},
        "calibration": {"orders": 16},
        "position": {"orders": 1024},
    },
}
"""What a preset sets where the configuration does not."""


class ProjectionConfig(_Part):
    preset: Literal["quick", "standard", "precise"] | None = None
    """How much to spend on precomputation (PRESETS); fields that are given count before it."""
    coordinates: Count = 24576
    """s, parameters on which an order is replayed; all of them where there are fewer."""
    anchors: Annotated[int, Field(ge=2)] = 4
    """K, reference steps at which gradients and curvature are taken, first and last included."""
    rank: Annotated[int, Field(ge=0)] = 1280
    """R, targets drawn at an anchor, whose gradients make up the curvature."""
    kept: Count | None = None
    """R′, rows of the curvature's factor that `hybrid` reads; none: as many as `projected`."""
    bits: Literal[4, 8, 16, 32] = 16
    """Stored precision of gradients and curvature."""
    adjoint: bool = True
    """Whether held-out loss gets an exact adjoint; false saves its part of the build."""

    @property
    def leading(self) -> int:
        """Rows of the curvature's factor that `projected` reads, the leading ones: .35 R."""
        return int(0.35 * self.rank)


class CalibrationConfig(_Part):
    orders: Annotated[int, Field(ge=0)] = 16
    """Real retrainings of designed orders, which `hybrid` learns from."""


class PositionConfig(_Part):
    orders: Count = 1024
    """Simulated orders that the position-effect table is fitted to."""


def _corpus(value: Any) -> Any:
    """The source of the kind that is asked for, its faults told as the other fields' are."""
    if not isinstance(value, (dict, Source)):
        return value
    try:
        return source_of(value)
    except ConfigError as error:
        raise PydanticCustomError("told", "{told}", {"told": str(error)}) from None
    except ValidationError as error:
        model = type(value) if isinstance(value, Source) else source_class(value["kind"])
        told = "; ".join(_told(fault, "corpus", model) for fault in error.errors())
        raise PydanticCustomError("told", "{told}", {"told": told}) from None


class RunConfig(_Part):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    corpus: Annotated[SerializeAsAny[Source], BeforeValidator(_corpus)]
    """Where the text comes from; `kind` says which source's fields stand here."""
    tokenizer: TokenizerConfig = TokenizerConfig()
    model: AnyModel = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    projection: ProjectionConfig = ProjectionConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    position: PositionConfig = PositionConfig()
    keep_checkpoints: bool = True
    """Whether full parameters at the anchors stay in the run folder."""

    @model_validator(mode="before")
    @classmethod
    def _no_base_phase_for_pretrained(cls, value: Any) -> Any:
        """A pretrained model needs no base phase; it has one where the config asks for it."""
        if not isinstance(value, dict) or not _is_pretrained(value.get("model")):
            return value
        training, corpus = value.get("training") or {}, value.get("corpus") or {}
        if not isinstance(training, dict) or not isinstance(corpus, dict) or "base" in training:
            return value
        return value | {
            "training": {**training, "base": {"steps": 0}},
            "corpus": {"base_samples": 0, **corpus},
        }

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, value: Any) -> Any:
        """What the preset says, under what is said field by field."""
        projection = value.get("projection") if isinstance(value, dict) else None
        name = projection.get("preset") if isinstance(projection, dict) else None
        if not isinstance(name, str) or name not in PRESETS:
            return value
        parts = {part: value.get(part) or {} for part in PRESETS[name]}
        if not all(isinstance(given, dict) for given in parts.values()):
            return value
        filled = {part: {**fields, **parts[part]} for part, fields in PRESETS[name].items()}
        return value | filled

    @model_validator(mode="after")
    def _consistent(self) -> "RunConfig":
        training, corpus = self.training, self.corpus
        if training.steps < 2:
            raise ValueError(f"training.steps is {training.steps}; at least 2 are needed")
        if training.rates is not None and len(training.rates) != training.steps:
            raise ValueError(
                f"training.rates holds {len(training.rates)} rates for {training.steps} steps"
            )
        needed = training.steps * training.batch_size
        if needed != corpus.samples * training.epochs:
            many = f" · epochs = {corpus.samples} · {training.epochs}" * (training.epochs > 1)
            found = f" = {corpus.samples * training.epochs}" * (training.epochs > 1)
            raise ValueError(
                f"training.steps · batch_size = {training.steps} · {training.batch_size} "
                f"= {needed}, but corpus.samples{many or ' is ' + str(corpus.samples)}{found}; "
                f"{'a one-epoch run needs them equal' if not many else 'they must be equal'}"
                f"{' (corpus.reserve counts besides)' * bool(corpus.reserve)}"
            )
        if self.projection.anchors > training.steps:
            raise ValueError(
                f"projection.anchors {self.projection.anchors} is more than the "
                f"{training.steps} steps of training"
            )
        if training.reference_order and training.order_seed is not None:
            raise ValueError(
                "training.order_seed draws another order than training.reference_order: file; "
                "set one of them"
            )
        return self


def has_lora(config: RunConfig) -> bool:
    """Whether only adapters are trained, half of which have no gradient before the first update."""
    return isinstance(config.model, PretrainedModel) and config.model.lora is not None


def parse_config(text: str, source: str = "config") -> RunConfig:
    """The configuration in a YAML text; raises ConfigError naming each wrong field."""
    value: Any = load_yaml(text, source, _NAMES)
    if not isinstance(value, dict):
        seen = type(value).__name__
        raise ConfigError(f"{source} holds {seen}; expected a mapping with a corpus")
    try:
        return RunConfig.model_validate(value)
    except ValidationError as error:
        raise ConfigError(f"{source}: " + "; ".join(map(_told, error.errors()))) from None


def read_config(path: Path) -> RunConfig:
    """The configuration in the file at `path`; a relative corpus path is taken from there."""
    try:
        config = parse_config(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise ConfigError(f"no config file at {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the config {path}: {error}") from None
    located: dict[str, Any] = {"corpus": config.corpus.located(path.parent)}
    if isinstance(config.model, PretrainedModel):
        located["model"] = config.model.located(path.parent)
    return config.model_copy(update=located)


def _told(error: Any, part: str = "", model: type[BaseModel] | None = None) -> str:
    if error["type"] == "told":
        return str(error["msg"])
    places = [str(place) for place in (part, *error["loc"]) if place != ""]
    if len(places) > 1 and places[0] == "model" and places[1] in ("random", "pretrained"):
        del places[1]  # which of the two is ours to know
    field = ".".join(places)
    message = error["msg"].removeprefix("Value error, ")
    if field in NOT_TRAINED:
        return f"{field}: {NOT_TRAINED[field]}"
    if error["type"] == "extra_forbidden":
        return f"{field}: unknown field; {_known(error['loc'], model or RunConfig)}"
    if not field:
        return message
    seen = error["input"]
    if isinstance(seen, dict) or error["type"] == "missing":
        return f"{field}: {message}"
    shown = repr(seen) if not isinstance(seen, (list, tuple)) else f"a list of {len(seen)}"
    return f"{field}: {message} (seen: {shown[:_SHOWN]}{'…' * (len(shown) > _SHOWN)})"


def _known(place: Sequence[str | int], model: type[BaseModel]) -> str:
    """The fields that could stand where an unknown one does, the nearest first."""
    tagged = {"random": ModelConfig, "pretrained": PretrainedModel}
    for part in map(str, place[:-1]):
        annotation = next(
            (f.annotation for name, f in model.model_fields.items() if part in (name, f.alias)),
            None,
        )
        inner = [
            kind for kind in (*get_args(annotation), annotation)
            if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]  # fmt: skip
        model = tagged.get(part) or next(iter(inner), model)
    known = [field.alias or name for name, field in model.model_fields.items()]
    near = get_close_matches(str(place[-1]), known, 1)
    return (f"did you mean {near[0]!r}? " if near else "") + f"known: {', '.join(known)}"
