"""What a build left of gradients, as estimators read it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import EstimatorError
from reorder_core.estimators.replay.factor import Factor
from reorder_core.estimators.replay.packing import unpack
from reorder_core.estimators.replay.replayer import Replayer
from reorder_core.store.run import Run

Array = NDArray[np.floating]
BY_DOMAIN = "by_domain"
"""(D, R) in curvature.safetensors: what a row of Φ weighs in a domain's Hessian; 1: as in all."""
OF_BATCH = 0.5
"""Share of the batch's domains in the Hessian of a step, and of a loss's domain in its own, beside
the corpus's: the rows of a domain are few, and their scatter would count alone
(docs/notes/2026-11-29-batch-curvature.md)."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """projected.safetensors, unpacked; s coordinates."""

    replayer: Replayer
    """Without curvature: its factor has no rows."""
    gradients: list[Array]
    """K arrays (N, s) of the samples, at the anchors' parameters as they are."""
    probe_gradients: Array
    """(K, D, s)"""


def open_stored(run: Run) -> Stored:
    """The run's gradients; raises EstimatorError where they are not of its samples."""
    arrays = run.arrays("projected")
    unseen, weight = unpack("unseen", arrays), np.array(arrays["weight"])
    if unseen.shape[1] != run.count:
        raise EstimatorError(
            f"{run.path} stores gradients of {unseen.shape[1]} samples, "
            f"the run has {run.count}; build it again"
        )
    replayer = Replayer(
        run.config.training, unseen, Factor.none(len(weight)), weight,
        np.array(arrays["first_moment"]), np.array(arrays["second_moment"]),
        int(run.metadata("projected")["updates"]), run.visits,
        unpack("own", arrays) if "own" in arrays else None,
        _decays(run, np.array(arrays["coordinates"])),
    )  # fmt: skip
    # At the first anchor nothing has been trained, so nothing has been seen.
    seen = [unseen[0], *unpack("gradients", arrays)]
    return Stored(replayer, seen, unpack("probe_gradients", arrays))


def _decays(run: Run, coordinates: Array) -> Array | float:
    """(s,) 1 for coordinates that decay; 1.0 where all do."""
    if run.config.training.decayed == "all":
        return 1.0
    spans = run.arrays("reference")["decayed"]  # (k, 2), by place in θ
    span = np.searchsorted(spans[:, 0], coordinates, side="right") - 1
    return ((span >= 0) & (coordinates < spans[span, 1])).astype(np.float32)


def with_curvature(replayer: Replayer, run: Run) -> Replayer:
    """The replayer with the run's factor of the mean Hessian, and what its domains weigh in it."""
    arrays = run.arrays("curvature")
    factor = Factor.unpacked("factor", arrays)
    if BY_DOMAIN not in arrays:  # one domain, or a run built before
        return replace(replayer, factor=factor)
    factor = factor.leaning(OF_BATCH * (np.asarray(arrays[BY_DOMAIN]) - 1))
    place = _places(run)
    probes = np.array([place.get(name, -1) for name in run.probe_domains])
    return replace(replayer, factor=factor, domains=domains_of(run), probes=probes)


def domains_of(run: Run) -> NDArray[np.intp]:
    """(N,) the place of each sample's domain among the run's."""
    place = _places(run)
    return np.array([place[sample.domain] for sample in run.samples])


def _places(run: Run) -> dict[str, int]:
    return {name: at for at, name in enumerate(run.domains)}
