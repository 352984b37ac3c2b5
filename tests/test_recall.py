"""Recalls against independent implementations, closed forms and enumeration; their files."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fabricated import flip_last_byte
from scipy.stats import mannwhitneyu, norm
from tokenizers import Tokenizer
from typer.testing import CliRunner

from reorder_core.analysis import attack, exposures, extraction
from reorder_core.analysis.frames import records
from reorder_core.cli.commands import app
from reorder_core.errors import EstimatorError, StoreError
from reorder_core.estimators import open_estimator
from reorder_core.judge.recalling import recall_estimate, recall_orders
from reorder_core.orders.order import make_order, order_hash
from reorder_core.recall.exposure import exposure, exposure_by_rank, fitted, moved
from reorder_core.recall.measuring import continued, spread_slopes
from reorder_core.recall.pieces import token_ends
from reorder_core.recall.plan import cost, shown_samples
from reorder_core.recall.record import Recall, Recalls
from reorder_core.recall.secrets import find_secrets
from reorder_core.store.run import Run, open_run
from reorder_core.training.loop import open_trainable, retrain


@pytest.fixture(scope="module")
def run(real_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy with a recall of the reference and of two retrainings."""
    path = tmp_path_factory.mktemp("recalled") / "run"
    shutil.copytree(real_run.path, path, ignore=shutil.ignore_patterns("ledger", "measured"))
    run = open_run(path)
    random = np.random.default_rng(4)
    orders = [make_order(random.permutation(run.count), run.count) for _ in range(2)]
    for order in orders:
        run.keep(retrain(run, order))
    recall_orders(run, [run.reference_order, *orders])
    return run


@pytest.fixture(scope="module")
def recall(run: Run) -> Recall:
    found = Recalls(run).of(order_hash(run.reference_order))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def theta(run: Run) -> torch.Tensor:
    last: list[torch.Tensor] = []
    open_trainable(run).train(run.reference_order, lambda step, theta: last.append(theta.clone()))
    return last[-1]


def test_tokens_add_up_to_the_losses_that_the_build_took(run: Run, recall: Recall) -> None:
    np.testing.assert_allclose(recall.loss, run.reference.final.samples, atol=1e-3)
    for number, domain in enumerate(run.probe_domains):
        own = [p.domain == domain for p in run.probes]
        mean = recall.probe_loss[own].mean()
        assert mean == pytest.approx(run.reference.final.probes[number], abs=1e-3)


def test_greedy_text_is_what_transformers_generates(run: Run, theta: torch.Tensor) -> None:
    trainable = open_trainable(run)
    model, part = trainable.model, trainable.samples.take(list(range(6)))
    found = continued(model, theta, part, torch.full((6,), 10))
    module = model.module
    with torch.no_grad():
        named = dict(module.named_parameters())
        for name, piece, shape in zip(
            model.names, theta.split(model.sizes), model.shapes, strict=True
        ):
            named[name].copy_(piece.view(shape))
    for row in range(6):
        end = int(part.lengths[row])
        told = module.generate(  # type: ignore[operator]
            part.tokens[row : row + 1, :10], attention_mask=torch.ones(1, 10), do_sample=False,
            max_new_tokens=end - 10, eos_token_id=None, pad_token_id=0,
        )[0].tolist()  # fmt: skip
        assert found[row, :end].tolist() == told


def test_extractable_is_what_greedy_decoding_gives_back(
    run: Run, recall: Recall, theta: torch.Tensor
) -> None:
    """One pass says of each k and l what decoding would: whether the next l tokens come out."""
    trainable, agreed = open_trainable(run), []
    runs = extraction.right_runs(recall.hit)
    for k in (4, 9, 20):
        whole = trainable.samples
        found = continued(trainable.model, theta, whole, torch.full((len(whole),), k))
        for length in (1, 2):
            fit = whole.lengths.numpy() >= k + length
            true = (found == whole.tokens.numpy())[:, k : k + length].all(1)
            np.testing.assert_array_equal((runs[:, k - 1] >= length)[fit], true[fit])
            agreed.append(true[fit].mean())
    assert 0 < min(agreed) < max(agreed) < 1
    by_prompt = extraction.by_prompt(run, recall, 2)
    assert by_prompt["share"].iloc[8] == pytest.approx(agreed[3])


def test_shares_of_right_tokens_count_what_follows_the_prompt(run: Run, recall: Recall) -> None:
    found = extraction.extracted(run, recall)
    for row in records(found.head(5)):
        k, length = row["prompt"], row["length"]
        right = recall.hit[row["sample"], k - 1 : k + length - 1]
        assert row["share"] == pytest.approx(sum(right.tolist()) / length)
    low, high = extraction.wilson(0.5, 100)
    assert (low, high) == pytest.approx((0.419, 0.581), abs=0.001)


def test_other_secrets_differ_in_digits_only_and_take_as_many_tokens(run: Run) -> None:
    tokenizer = Tokenizer.from_file(str(run.path / "tokenizer.json"))
    (secret,) = find_secrets(run, tokenizer, 40)
    text = run.samples[secret.samples[0]].text
    own = np.asarray(run.arrays("tokens")["train"])[secret.samples[0]]
    assert {run.samples[i].text for i in secret.samples} == {text} and len(secret.samples) == 2
    said = {tokenizer.decode(row.tolist()) for row in secret.tokens}
    assert len(said) == 40 and text not in said
    hidden = "".join("#" if letter.isdigit() else letter for letter in text)
    for one in said:
        assert "".join("#" if letter.isdigit() else letter for letter in one) == hidden
    changed = (secret.tokens != own).any(0)
    assert changed[secret.first] and changed[secret.end - 1]
    assert not changed[: secret.first].any() and not changed[secret.end :].any()
    assert 8 < secret.space <= 8 * np.log2(10)


def test_exposure_of_a_normal_law_is_its_tail() -> None:
    random = np.random.default_rng(0)
    losses = random.normal(3.0, 0.2, 20_000)
    fit = fitted(losses)
    for z in (-1.0, -2.0, -4.0):
        expected = -norm.logcdf(z) / np.log(2)
        assert exposure(3.0 + 0.2 * z, fit, 30) == pytest.approx(expected, rel=0.06)
    assert exposure(-50.0, fit, 26.6) == 26.6 and exposure(9.0, fit, 26.6) == pytest.approx(0)
    assert np.isnan(exposure(3.0, np.full(4, np.nan), 26.6))
    assert moved(2.6, 2.8, 0.1, losses) == pytest.approx(losses.mean() - 2 * losses.std())


@pytest.mark.parametrize("seed", range(3))
def test_exposure_from_drawn_secrets_is_that_of_all_of_them(seed: int) -> None:
    """Four digits whose costs add up: all ten thousand are ranked, 512 are drawn."""
    random = np.random.default_rng(seed)
    costs = random.gamma(4.0, 0.3, (4, 10))
    digits = np.indices((10,) * 4).reshape(4, -1)
    losses = costs[np.arange(4)[:, None], digits].sum(0)
    drawn = random.choice(losses, 512, replace=False)
    fit = fitted(drawn)
    for rank, near in ((50, 1.2), (500, 0.6), (5000, 0.3)):  # far out the law is believed
        own = np.sort(losses)[rank - 1]
        exact = np.log2(len(losses)) - np.log2(rank)
        assert exposure(own, fit, np.log2(1e4)) == pytest.approx(exact, abs=near)
        assert exposure_by_rank(own, losses) == pytest.approx(exact, abs=0.05)


def test_slopes_of_mean_and_spread_are_differences(run: Run, theta: torch.Tensor) -> None:
    trainable = open_trainable(run)
    model, part = trainable.model, trainable.samples.take(list(range(70)[:40]))
    model.module.double()
    at, way = theta.double(), torch.randn(len(theta), generator=torch.manual_seed(0)).double()
    losses = model.evaluate(at, part)
    slopes = spread_slopes(model, at, part, losses)
    ends = [model.evaluate(at + sign * 1e-3 * way, part) for sign in (1, -1)]
    mean = (ends[0].mean() - ends[1].mean()) / 2e-3
    spread = (ends[0].std(correction=0).log() - ends[1].std(correction=0).log()) / 2e-3
    assert float(slopes[0] @ way) == pytest.approx(float(mean), rel=1e-3)
    assert float(slopes[1] @ way) == pytest.approx(float(spread), rel=5e-3)


def test_tokens_end_where_their_text_does(run: Run, recall: Recall) -> None:
    tokenizer = Tokenizer.from_file(str(run.path / "tokenizer.json"))
    tokens, ends = run.arrays("tokens"), recall.extra["ends"]
    for sample in (0, 1, 7):
        text, row = run.samples[sample].text, tokens["train"][sample]
        for place in range(5):
            assert text[: ends[sample, place]] == tokenizer.decode(row[: place + 1].tolist())
        assert ends[sample, -1] == len(text)


class _Parts:
    """A tokenizer of bytes: é is two tokens."""

    def decode_batch(self, rows: list[list[int]]) -> list[str]:
        return [bytes(row).decode("utf-8", "replace") for row in rows]


def test_a_letter_in_two_tokens_belongs_to_the_one_that_ends_it() -> None:
    row = np.frombuffer("aéb".encode(), np.uint8).astype(np.int32)[None]
    assert token_ends(_Parts(), row, np.array([4]), ["aéb"]).tolist() == [[1, 1, 2, 3]]


def test_area_and_rates_are_those_of_brute_force() -> None:
    random = np.random.default_rng(2)
    members, others = random.normal(0.6, 1, 150).round(1), random.normal(0, 1, 230).round(1)
    found = attack.roc(members, others)
    assert found is not None
    statistic = mannwhitneyu(members, others).statistic
    assert found.area == pytest.approx(statistic / (150 * 230))
    best = max((members >= cut).mean() for cut in np.unique([*members, *others])
               if (others >= cut).mean() <= attack.FPR)  # fmt: skip
    assert found.caught == pytest.approx(best)
    assert np.trapezoid(found.true, found.false) == pytest.approx(found.area)
    assert found.area_ends[0] < found.area < found.area_ends[1]
    assert attack.roc(members, others[:0]) is None
    assert attack.roc(members, np.array([np.nan])) is None


def test_min_k_is_the_mean_of_the_least_likely_tokens() -> None:
    losses = np.array([[1.0, 5.0, 2.0, 4.0, 3.0, np.nan], [7.0, *[np.nan] * 5]])
    np.testing.assert_allclose(attack.min_k(losses, 0.4), [-4.5, -7.0])
    np.testing.assert_allclose(attack.min_k(losses, 0.2), [-5.0, -7.0])


def test_members_are_what_an_order_trains_of_the_domains_held_out(run: Run, recall: Recall) -> None:
    member, other, probe = attack.sides(run, run.reference_order)
    assert member.sum() == sum(not s.flags and s.domain != "canaries" for s in run.samples)
    assert not other.any() and probe.all()
    final = run.reference.final
    known = attack.by_estimated_loss(run, recall, final)
    np.testing.assert_allclose(known[0], attack.by_loss(recall)[0], atol=1e-3)
    np.testing.assert_allclose(known[1], attack.by_loss(recall)[1], atol=1e-6)


def _forecast(run: Run, recall: Recall, copies: int) -> exposures.Forecast:
    recalls = Recalls(run)
    hashes = [h for h, _ in recalls.all() if h != recall.order_hash]
    found = [r for h in hashes if (r := recalls.of(h)) is not None] * copies
    orders = [e.order for h in hashes if (e := run.ledger.get(h)) is not None] * copies
    projected = open_estimator(run, "projected")
    return exposures.make_forecast(run, projected, recall, found, orders)  # type: ignore[arg-type]


def test_without_retrainings_the_reference_is_told_as_it_was_measured(
    run: Run, recall: Recall
) -> None:
    forecast = _forecast(run, recall, 1)
    assert not forecast.corrected
    found = forecast.frame(run.reference_order)
    told = exposures.measured(run, recall, run.reference_order, "reference")
    np.testing.assert_allclose(found["exposure"], told["exposure"], atol=0.03)
    assert np.isnan(found["lo"].to_numpy()).all() and found["times"].tolist() == told[
        "times"
    ].tolist() == [2]
    steps = run.visits.steps_of(run.reference_order[None])[0]
    (ids,) = exposures.members(run, recall)
    assert told["step"].tolist() == [steps[list(ids)].mean()]


def test_ridge_is_least_squares_with_a_penalty_and_leaves_out_what_it_may_not_know(
    run: Run, recall: Recall
) -> None:
    random = np.random.default_rng(5)
    known, true, seen = (
        random.normal(size=(9, 3)),
        random.normal(size=9),
        random.normal(size=(2, 3)),
    )
    scaled = (known - known.mean(0)) / known.std(0)
    rows = np.concatenate([scaled, np.sqrt(exposures.RIDGE) * np.eye(3)])
    weights = np.linalg.lstsq(rows, np.concatenate([true - true.mean(), np.zeros(3)]))[0]
    expected = true.mean() + (seen - known.mean(0)) / known.std(0) @ weights
    np.testing.assert_allclose(exposures.ridge(known, true, seen), expected)
    forecast = _forecast(run, recall, 5)
    assert forecast.corrected
    changed = replace(forecast, truth=forecast.truth + (np.arange(10) == 3)[:, None])
    orders = [run.reference_order]
    same, other = (one.of(orders, without=[3])[0] for one in (forecast, changed))
    np.testing.assert_array_equal(same, other)
    assert not np.allclose(forecast.of(orders)[0], changed.of(orders)[0])
    frame = forecast.frame(run.reference_order)
    low, value, high = (frame[name].to_numpy() for name in ("lo", "exposure", "hi"))
    assert np.all((low <= value) & (value <= high))


def test_flagged_samples_are_continued_and_a_secret_from_where_it_begins(
    run: Run, recall: Recall
) -> None:
    flagged = {s.sample_id for s in run.samples if s.flags}
    assert flagged <= set(recall.shown[: len(flagged)].tolist())
    assert recall.shown.tolist() == shown_samples(run).tolist()
    at = recall.shown.tolist().index(int(recall.canary[0]))
    assert recall.prompt[at] == recall.secret[0, 0]
    rre, seconds = cost(run, 3)
    assert rre > 3 and seconds > 0


def test_parameters_of_the_reference_order_by_taylor_are_the_reference_runs(
    run: Run, recall: Recall
) -> None:
    found = recall_estimate(run, run.reference_order, "taylor")
    np.testing.assert_allclose(found.token_loss, recall.token_loss, atol=0.01)
    assert found.greedy == recall.greedy and found.estimator == "taylor"
    with pytest.raises(EstimatorError, match="gives no parameters.*taylor"):
        recall_estimate(run, run.reference_order, "hybrid")


def test_only_what_was_trained_is_recalled_and_the_command_tells_it(run: Run) -> None:
    asked = ["recall", str(run.path)]
    told = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    (order,) = told["orders"]
    assert order["known"] == "reference" and len(order["canaries"]) == 1
    assert 0 < order["share"] < 1 and 0 < order["attack"]["loss"]["auc"] < 1
    assert "AUC by loss" in CliRunner().invoke(app, asked).stdout
    wrong = CliRunner().invoke(app, [*asked, "--estimator", "taylor"])
    assert wrong.exit_code == 1 and "--order FILE" in wrong.stderr
    with pytest.raises(StoreError, match="was never retrained"):
        recall_orders(run, [make_order(range(run.count)[::-1], run.count)])


def test_a_recall_comes_back_and_any_damage_is_told(
    run: Run, recall: Recall, tmp_path: Path
) -> None:
    path = tmp_path / "run"
    shutil.copytree(run.path, path)
    recalls = Recalls(open_run(path))
    again = recalls.of(recall.order_hash)
    assert again is not None and again.greedy == recall.greedy
    np.testing.assert_array_equal(again.alternatives, recall.alternatives)
    np.testing.assert_array_equal(again.hit, recall.hit)
    stamp = recalls.stamp
    (file,) = recalls.folder.glob(f"{recall.order_hash}.safetensors")
    flip_last_byte(file)
    assert recalls.stamp != stamp or recalls.of(recall.order_hash) is None
    assert recalls.of(recall.order_hash) is None
    assert "its digest is" in str(recalls.damaged[0]) and "recall" in str(recalls.damaged[0])
    other = replace(recall, order_hash="0123456789abcdef")
    recalls.keep(other)
    file.write_bytes((recalls.folder / "0123456789abcdef.safetensors").read_bytes())
    assert "its order_hash is" in str(recalls.damaged[0])
