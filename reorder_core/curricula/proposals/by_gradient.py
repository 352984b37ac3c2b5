"""By what samples do to the model: as unlike as can be side by side, or clean ones last."""

import numpy as np
from numpy.typing import NDArray

from reorder_core.curricula.proposals.plain import sorted_by
from reorder_core.estimators.replay.packing import unpack
from reorder_core.orders.order import Order
from reorder_core.store.run import Run


def diverse(run: Run, seed: int) -> dict[str, Order]:
    """Each next sample is the one least like those of the latest step: gradients spread widely."""
    del seed
    rows = _unit_gradients(run)
    if rows is None:
        return {}
    visits = run.visits
    trained = np.sort(run.reference_order[: visits.trained])
    rows = rows[visits.sample_of[trained]]
    alike = rows @ rows.T
    chosen = [int(np.argmin(alike.sum(1)))]
    left = np.ones(len(trained), bool)
    left[chosen] = False
    while len(chosen) < len(trained):
        near = alike[:, chosen[-run.batch_size :]].sum(1)
        near[~left] = np.inf
        chosen.append(int(near.argmin()))
        left[chosen[-1]] = False
    return {"diverse": visits.with_trained(run.reference_order, trained[chosen])}


def clean_last(run: Run, seed: int) -> dict[str, Order]:
    """Flagged samples first, then the others by how much they pull as held-out text does."""
    del seed
    rows = _unit_gradients(run)
    if rows is None:
        return {}
    held_out = unpack("probe_gradients", run.arrays("projected"))[0].mean(0)
    helps = rows @ (held_out * _root_weight(run))
    flagged = np.array([bool(sample.flags) for sample in run.samples])
    return {"clean last": sorted_by(run, np.where(flagged, -np.inf, helps))}


def _unit_gradients(run: Run) -> NDArray[np.floating] | None:
    """(N, s) gradients at the start, of length 1 each; None where the run keeps none."""
    if not run.file("projected").is_file():
        return None
    rows = unpack("unseen", run.arrays("projected"))[0] * _root_weight(run)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _root_weight(run: Run) -> NDArray[np.floating]:
    return np.sqrt(np.asarray(run.arrays("projected")["weight"]))
