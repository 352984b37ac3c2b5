"""What fidelity a configuration may expect, which settings make noise, what a budget buys.

The figures were measured on one run each and are told with it: another text or
model has others, and only `fidelity` on the built run says its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from reorder_core.config import PRESETS, ModelConfig, RunConfig, has_lora

SOURCE = (
    "python-docs (0.23 M parameters, 256 samples, 32 steps of 8, rate .0003), 32 random orders of "
    "seed 616263 really retrained"
)
FARTHEST = 0.015
"""T · learning rate of a small new model up to which figures hold: at .0096 R² was .95, at .029
.75, of which most was learned from retrainings (docs/fidelity.md, sensitivity)."""
FAINT = 1e-6
"""T · learning rate below which no order does more than rounding."""
MOST_ORDERS = 64
"""Designed retrainings that a proposal asks for at most."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Fidelity of `hybrid` on random orders as it was measured with settings like these."""

    settings: str
    """Which preset's, or which number of retrainings'."""
    r2: float
    rho_sample: float
    rho_heldout: float
    rre: float
    """What those settings cost there."""
    source: str = SOURCE


MEASURED = {
    "quick": Expected("quick", 0.909, 0.832, 0.727, 16.0),
    "standard": Expected("standard", 0.931, 0.846, 0.808, 29.0),
    "precise": Expected("precise", 0.952, 0.890, 0.817, 54.0),
}
"""By `benchmarks/variants.py` with projection.preset=NAME --orders 32 --seed 616263."""
ADAPTED = Expected(
    "data/smollm2", 0.867, 0.828, 0.918, 29.9,
    "SmolLM2-135M with LoRA (153,600 parameters, 256 samples, 32 steps of 8, rate .0012, a base "
    "phase of 8), 16 random orders of seed 46 really retrained",
)  # fmt: skip
"""By `fidelity` of the embedded run, of which `data/smollm2.yaml` is the configuration."""
LEAST_ADAPTED = {"anchors": 3, "rank": 240, "orders": 8}


def expected(config: RunConfig) -> Expected | None:
    """What the nearest measured settings, no dearer than these, gave; None below the cheapest.

    None, too, where no figure applies: new models trained far, pretrained ones without LoRA or
    without a base phase.
    """
    if not isinstance(config.model, ModelConfig):
        enough = _at_least(config, **LEAST_ADAPTED)
        return ADAPTED if enough and has_lora(config) and not _fresh(config) else None
    if _reach(config) > FARTHEST:
        return None
    below = [name for name in MEASURED if _reaches(config, name)]
    return MEASURED[below[-1]] if below else None


def _reaches(config: RunConfig, preset: str) -> bool:
    projection = PRESETS[preset]["projection"]
    orders = PRESETS[preset]["calibration"]["orders"]
    return _at_least(config, projection["anchors"], projection["rank"], orders)


def _at_least(config: RunConfig, anchors: int, rank: int, orders: int) -> bool:
    return (
        config.projection.anchors >= anchors
        and config.projection.rank >= rank
        and config.calibration.orders >= orders
    )


def _reach(config: RunConfig) -> float:
    """T · learning rate: how far the training goes, in Adam's steps."""
    return config.training.steps * config.training.learning_rate


def _fresh(config: RunConfig) -> bool:
    """Whether Adam begins without a memory."""
    return not config.training.base.steps or config.training.optimizer_state == "fresh"


def warnings(config: RunConfig) -> list[str]:
    """A sentence for each setting that makes estimates noise, as far as settings tell."""
    training, told = config.training, []
    if _reach(config) < FAINT:
        told.append(
            f"training.learning_rate {training.learning_rate:g} over {training.steps} steps moves "
            "no parameter by more than rounding: no order has an effect; raise it"
        )
    if isinstance(config.model, ModelConfig) and _reach(config) > FARTHEST:
        told.append(
            f"steps · learning rate is {_reach(config):.3g}: past {FARTHEST:g} the expansion told "
            "little on the runs measured, and what hybrid knows is mostly learned from "
            "retrainings; lower training.learning_rate, take larger batches, or raise "
            "calibration.orders"
        )
    if not config.calibration.orders:
        told.append(
            "calibration.orders is 0: nothing will say how far estimates can be trusted, and "
            "hybrid is no better than projected; 8 are much"
        )
    if not config.projection.rank:
        told.append(
            "projection.rank is 0: without curvature an estimate was worse than assuming that "
            "order changes nothing (R² −.16)"
        )
    adapted = has_lora(config)
    if _fresh(config) and (adapted or (not training.warmup_steps and training.rates is None)):
        part = "half of LoRA's adapters begin at 0 and " if adapted else ""
        told.append(
            f"{part}Adam's moments begin at 0, so the first updates have the size of the learning "
            "rate whatever the gradient; a short base phase helps (training.base: {steps: 8}; "
            "it raised R² from .74 to .89 on SmolLM2)"
        )
    return told


@dataclass(frozen=True, slots=True)
class Proposal:
    """Settings that a budget buys."""

    config: RunConfig
    preset: str
    rre: float

    def fields(self) -> dict[str, dict[str, int]]:
        """The fields to write into a configuration."""
        projection, calibration = self.config.projection, self.config.calibration
        return {
            "projection": {
                "anchors": projection.anchors, "rank": projection.rank,
                "coordinates": projection.coordinates,
            },
            "calibration": {"orders": calibration.orders},
        }  # fmt: skip


def propose(config: RunConfig, budget: float, cost: Callable[[RunConfig], float]) -> Proposal:
    """The dearest measured preset within `budget` RRE, what is left spent on retrainings.

    Retrainings are what accuracy grew with at equal cost once a preset's physics is
    there. Where even the cheapest preset is too dear, its rank and retrainings shrink; what
    comes back then may still cost more than the budget, and says so by its cost. `cost`
    gives a configuration's RRE in all.
    """
    for name in reversed(PRESETS):
        found = _with(config, name)
        if cost(found) <= budget:
            return _spent(found, name, budget, cost)
    found = _with(config, "quick")
    while cost(found) > budget and (found.projection.rank > 40 or found.calibration.orders > 2):
        found = _changed(
            found, max(40, found.projection.rank // 2), max(2, found.calibration.orders // 2)
        )
    return Proposal(found, "less than quick", cost(found))


def _spent(
    config: RunConfig, name: str, budget: float, cost: Callable[[RunConfig], float]
) -> Proposal:
    best = config
    for orders in range(config.calibration.orders, MOST_ORDERS + 1):
        tried = _changed(config, config.projection.rank, orders)
        if cost(tried) > budget:
            break
        best = tried
    return Proposal(best, name, cost(best))


def _with(config: RunConfig, preset: str) -> RunConfig:
    """The configuration with a preset's physics; anchors at most as many as steps."""
    fields = PRESETS[preset]
    projection = {"kept": None, "adjoint": True, **fields["projection"]}
    projection["anchors"] = min(projection["anchors"], config.training.steps)
    return config.model_copy(
        update={
            "projection": config.projection.model_copy(update={**projection, "preset": None}),
            "calibration": config.calibration.model_copy(update=fields["calibration"]),
        }
    )


def _changed(config: RunConfig, rank: int, orders: int) -> RunConfig:
    return config.model_copy(
        update={
            "projection": config.projection.model_copy(update={"rank": rank}),
            "calibration": config.calibration.model_copy(update={"orders": orders}),
        }
    )
