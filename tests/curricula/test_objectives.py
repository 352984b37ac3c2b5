import numpy as np
import pytest

from reorder_core.curricula.objectives import parse_objective
from reorder_core.errors import CurriculumError


def test_values_are_means_over_what_was_named(real_run) -> None:
    random = np.random.default_rng(0)
    samples = random.uniform(1, 4, (3, real_run.count))
    probes = random.uniform(1, 4, (3, len(real_run.probe_domains)))
    name = real_run.probe_domains[1]

    def values(text: str) -> np.ndarray:
        return parse_objective(real_run, text).values(samples, probes)

    assert values("heldout") == pytest.approx(probes.mean(1))
    assert values(f"domain:{name}") == pytest.approx(probes[:, 1])
    assert values("worst") == pytest.approx(probes.max(1))
    first = real_run.probe_domains[0]
    weighted = values(f"weighted:{first}=3,{name}=1")
    assert weighted == pytest.approx(0.75 * probes[:, 0] + 0.25 * probes[:, 1])
    assert values("remember:2,4-6") == pytest.approx(samples[:, [2, 4, 5, 6]].mean(1))
    assert values("forget:2,2") == pytest.approx(samples[:, 2])


def test_a_flag_names_its_samples_and_forgetting_raises_their_loss(real_run) -> None:
    canaries = [s.sample_id for s in real_run.samples if "canary" in s.flags]
    objective = parse_objective(real_run, "forget:canary")
    assert canaries and np.flatnonzero(objective.sample_weight[0]).tolist() == canaries
    assert objective.raises and objective.sign == -1
    assert not parse_objective(real_run, "remember:canary").raises


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("happiness", "unknown objective 'happiness'; expected one of heldout"),
        ("heldout:x", "takes no argument"),
        ("worst:x", "takes no argument"),
        ("domain:", "there is no held-out text of domain ''"),
        ("domain:cooking", "no held-out text of domain 'cooking'; expected one of"),
        ("weighted:stories", "cannot read the weight in 'stories'"),
        ("weighted:stories=-1", "number from 0 up"),
        ("weighted:stories=nan", "number from 0 up"),
        ("weighted:stories=0", "all weights are 0"),
        ("remember:", "names no samples"),
        ("remember:48", "there is no sample 48; this run's ids are 0..47"),
        ("remember:7-3", "there is no sample 7-3"),
        ("forget:dragons", "'dragons' is no sample id, flag or domain"),
        ("forget:-1", "is no sample id"),
    ],
)
def test_an_objective_that_is_none_is_told(real_run, text: str, told: str) -> None:
    with pytest.raises(CurriculumError, match=told):
        parse_objective(real_run, text)
