"""Learning rates: each shape against its formula, written out."""

import numpy as np
import pytest

from reorder_core.config import RunConfig, TrainingConfig
from reorder_core.training.schedule import learning_rates


def rates(**fields: object) -> np.ndarray:
    return np.array(learning_rates(TrainingConfig.model_validate(fields)))


def test_linear_falls_in_a_line_to_its_final_fraction() -> None:
    found = rates(steps=10, learning_rate=1.0, schedule="linear", final_fraction=0.0)
    np.testing.assert_allclose(found, np.arange(10, 0, -1) / 10)
    found = rates(
        steps=12, learning_rate=2.0, schedule="linear", warmup_steps=2, final_fraction=0.5
    )
    np.testing.assert_allclose(found[:2], [2 / 3, 4 / 3])
    np.testing.assert_allclose(found[2:], 2 - np.arange(10) / 10)


def test_wsd_stays_and_falls_over_the_last_fifth() -> None:
    found = rates(steps=22, learning_rate=1.0, schedule="wsd", warmup_steps=2, final_fraction=0.0)
    np.testing.assert_allclose(found[2:19], 1.0)
    np.testing.assert_allclose(found[19:], [0.75, 0.5, 0.25])


def test_recorded_rates_stand_as_they_are() -> None:
    given = (0.1, 0.3, 0.2)
    assert tuple(rates(steps=3, learning_rate=0.3, rates=given)) == given


def test_recorded_rates_need_one_a_step() -> None:
    value = {
        "name": "r", "corpus": {"kind": "controlled", "samples": 24},
        "training": {"steps": 3, "batch_size": 8, "rates": [0.1, 0.2]},
        "projection": {"anchors": 2},
    }  # fmt: skip
    with pytest.raises(ValueError, match="holds 2 rates for 3 steps"):
        RunConfig.model_validate(value)
