import numpy as np
import pytest

from reorder_core.curricula.additive import open_table
from reorder_core.curricula.objective import Objective, over_probes
from reorder_core.curricula.objectives import parse_objective
from reorder_core.curricula.scoring import Live
from reorder_core.errors import CurriculumError
from reorder_core.estimators import open_estimator
from reorder_core.records.losses import Losses


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


def test_a_quantity_is_worth_its_mean_in_its_own_better_direction(real_run) -> None:
    random = np.random.default_rng(0)
    samples = random.uniform(1, 4, (3, real_run.count))
    probes = random.uniform(1, 4, (3, len(real_run.probe_domains)))
    sd = Losses(0.01 * samples, 0.01 * probes)
    canaries = [s.sample_id for s in real_run.samples if "canary" in s.flags]

    def asked(text: str) -> Objective:
        return parse_objective(real_run, text)

    same, plain = asked("quantity:held_out_loss"), asked("heldout")
    assert same.values(samples, probes) == pytest.approx(plain.values(samples, probes))
    perplexity = asked("quantity:perplexity")
    assert perplexity.values(samples, probes) == pytest.approx(np.exp(probes).mean(1))
    slope = asked("quantity:perplexity:2,5").slopes(samples[0], probes[0])
    assert slope[0][0, [2, 5]] == pytest.approx(np.exp(samples[0, [2, 5]]) / 2, rel=1e-7)
    assert not slope[0][0, [0, 1, 3, 4]].any() and not slope[1].any()
    spread = perplexity.spread(Losses(samples, probes), sd)[:, 0]
    assert spread == pytest.approx((np.exp(probes) * 0.01 * probes).mean(1), rel=1e-7)
    learned = asked("quantity:memorization:canary")
    before = real_run.reference.losses_at.samples[0, canaries]
    expected = before.mean() - samples[:, canaries].mean(1)
    assert learned.values(samples, probes) == pytest.approx(expected)
    assert learned.raises and not perplexity.raises and perplexity.unit == "tokens"
    assert asked("quantity:memorization").of_samples, "of all, where held-out text has none"


def test_a_search_follows_a_quantitys_slope_at_the_order_at_hand(real_run) -> None:
    live, order = Live(real_run), real_run.reference_order[::-1].copy()
    objective = parse_objective(real_run, "quantity:perplexity")
    (scores,) = live.scores([objective], [order, real_run.reference_order])
    losses = open_estimator(real_run, "hybrid").estimate(order).final.probes.astype(float)
    assert scores.value[0] == pytest.approx(np.exp(losses).mean(), rel=1e-5)
    assert scores.value[0] != pytest.approx(scores.value[1], rel=1e-5)
    assert scores.lo[0] < scores.value[0] < scores.hi[0]
    weighted = over_probes(real_run, "", "", "", np.exp(losses) / len(losses))
    mine, theirs = live.slope(objective, order), live.slope(weighted, order)
    np.testing.assert_allclose(mine, theirs, atol=1e-4 * np.abs(theirs).max())
    table = open_table(real_run, objective)
    at_home = np.exp(real_run.reference.final.probes.astype(float)).mean()
    assert table.costs(real_run.reference_order[None])[0] == pytest.approx(at_home)


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
        ("quantity:", "there is no quantity ''; expected one of loss, held_out_loss, memor"),
        ("quantity:accuracy", "accuracy is measured on real parameters only, so no order can"),
        ("quantity:held_out_loss:3", "training samples have no held_out_loss, seen '3'"),
        ("quantity:perplexity:48", "there is no sample 48"),
    ],
)
def test_an_objective_that_is_none_is_told(real_run, text: str, told: str) -> None:
    with pytest.raises(CurriculumError, match=told):
        parse_objective(real_run, text)
