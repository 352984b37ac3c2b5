import multiprocessing
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from fabricated import build_tiny

from reorder_core.cache.estimates import ResultCache
from reorder_core.cache.saved_views import SavedViews, View
from reorder_core.errors import StoreError
from reorder_core.records.estimates import Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.published import publish_results, read_results
from reorder_core.store.run import Run


def some_estimate(key: str = "a", samples: int = 256) -> Estimate:
    random = np.random.default_rng(len(key))
    return Estimate(
        "tiny-1",
        "projected",
        key,
        some_losses(random, 9, samples),
        some_losses(random, 2, samples),
        distance=0.25,
    )


def some_losses(random: np.random.Generator, rows: int, samples: int) -> Losses:
    one, other = random.normal(4, 1, (rows, samples)), random.normal(4, 1, (rows, 3))
    return Losses(one.astype(np.float32), other.astype(np.float32))


def test_what_was_put_comes_back_bit_for_bit_after_a_restart(tmp_path: Path):
    put = some_estimate()
    cache = ResultCache(tmp_path / "cache" / "estimates.duckdb")
    cache.put(put)
    cache.close()
    got = ResultCache(tmp_path / "cache" / "estimates.duckdb").get("tiny-1", "projected", "a")
    assert got is not None and got.interval is not None and put.interval is not None
    np.testing.assert_array_equal(got.losses_at.samples, put.losses_at.samples)
    np.testing.assert_array_equal(got.losses_at.probes, put.losses_at.probes)
    np.testing.assert_array_equal(got.interval.samples, put.interval.samples)
    np.testing.assert_array_equal(got.interval.probes, put.interval.probes)
    assert got.distance == 0.25


def test_an_estimate_without_intervals_comes_back_without(tmp_path: Path):
    cache = ResultCache(tmp_path / "c.duckdb")
    cache.put(replace(some_estimate(), interval=None))
    got = cache.get("tiny-1", "projected", "a")
    assert got is not None and got.interval is None


def test_an_order_nobody_asked_about_is_not_in_the_cache(tmp_path: Path):
    cache = ResultCache(tmp_path / "c.duckdb")
    cache.put(some_estimate("a"))
    assert cache.get("tiny-1", "projected", "b") is None
    assert cache.get("tiny-1", "reference", "a") is None
    assert cache.get("other", "projected", "a") is None


def test_the_query_shown_is_the_query_run(tmp_path: Path):
    cache = ResultCache(tmp_path / "c.duckdb")
    put = some_estimate()
    cache.put(put)
    sql, parameters = cache.query("tiny-1", "projected", "a")
    cache.close()
    with duckdb.connect(tmp_path / "c.duckdb", read_only=True) as connection:
        row = connection.execute(sql, parameters).fetchone()
    assert row is not None
    np.testing.assert_array_equal(np.array(row[0], np.float32), put.losses_at.samples)


def test_a_put_takes_far_less_than_a_frame_budget(tmp_path: Path):
    cache = ResultCache(tmp_path / "c.duckdb")
    took = []
    for number in range(15):
        estimate = some_estimate("x" * (number + 1))
        began = time.perf_counter()
        cache.put(estimate)
        took.append(time.perf_counter() - began)
    assert np.median(took) < 0.060  # measured: 0.008 s


def test_many_threads_share_the_cache(tmp_path: Path):
    cache, failures = ResultCache(tmp_path / "c.duckdb"), []

    def work(name: int) -> None:
        for number in range(10):
            key = "k" * (1 + number % 3)  # the same keys from every thread
            cache.put(some_estimate(key, samples=8))
            if cache.get("tiny-1", "projected", key) is None:
                failures.append((name, number))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def _hold(path: Path, ready, done) -> None:
    cache = ResultCache(path)
    assert cache.persistent
    ready.set()
    done.wait(30)


def test_while_another_process_holds_the_file_the_cache_remembers_in_memory(tmp_path: Path):
    spawn = multiprocessing.get_context("spawn")
    ready, done = spawn.Event(), spawn.Event()
    holder = spawn.Process(target=_hold, args=(tmp_path / "c.duckdb", ready, done))
    holder.start()
    try:
        assert ready.wait(30)
        cache = ResultCache(tmp_path / "c.duckdb")
        assert not cache.persistent
        assert "another process has it open" in cache.note
        cache.put(some_estimate())
        assert cache.get("tiny-1", "projected", "a") is not None
    finally:
        done.set()
        holder.join(30)
    assert holder.exitcode == 0
    assert ResultCache(tmp_path / "c.duckdb").persistent


@pytest.mark.parametrize("content", [b"", b"not a database", b"\0" * 20000])
def test_a_damaged_file_is_put_aside_and_begun_anew(tmp_path: Path, content: bytes):
    path = tmp_path / "c.duckdb"
    path.write_bytes(content)
    cache = ResultCache(path)
    assert cache.persistent
    cache.put(some_estimate())
    assert cache.get("tiny-1", "projected", "a") is not None
    (aside,) = tmp_path.glob("*.aside-*")
    assert aside.read_bytes() == content


def test_estimates_of_another_format_are_dropped_in_place(tmp_path: Path):
    path = tmp_path / "c.duckdb"
    ResultCache(path).close()
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE about SET format = 999")
        connection.execute("DROP TABLE estimates")
        connection.execute("CREATE TABLE estimates (other INTEGER)")
    cache = ResultCache(path)
    assert cache.persistent and not list(tmp_path.glob("*.aside-*"))
    cache.put(some_estimate())
    assert cache.get("tiny-1", "projected", "a") is not None


def test_estimates_made_from_other_arrays_are_forgotten(tmp_path: Path):
    first = ResultCache(tmp_path / "c.duckdb", made_from="arrays 1")
    first.put(some_estimate())
    first.close()
    same = ResultCache(tmp_path / "c.duckdb", made_from="arrays 1")
    assert same.get("tiny-1", "projected", "a") is not None
    same.close()
    other = ResultCache(tmp_path / "c.duckdb", made_from="arrays 2")
    assert other.get("tiny-1", "projected", "a") is None


def test_a_folder_that_cannot_be_made_leaves_a_cache_in_memory(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    cache = ResultCache(tmp_path / "file" / "c.duckdb")
    assert not cache.persistent and "memory only" in cache.note


def test_published_tables_hold_what_the_arrays_hold(tiny_run: Run):
    publish_results(tiny_run.path / "results.duckdb", tiny_run)
    losses = read_results(tiny_run, "sample_losses")
    pivot = losses.pivot(index="step", columns="sample_id", values="loss").to_numpy()
    np.testing.assert_array_equal(pivot, tiny_run.reference.losses_at.samples)
    probes = read_results(tiny_run, "probe_losses").pivot(index="step", columns="domain")["loss"]
    assert tuple(probes.columns) == tiny_run.probe_domains
    np.testing.assert_array_equal(probes.to_numpy(), tiny_run.reference.losses_at.probes)
    effects = read_results(tiny_run, "position_effects")
    own = effects.pivot(index="sample_id", columns="step", values="own").to_numpy()
    np.testing.assert_array_equal(own, tiny_run.arrays("position")["own"].astype(np.float32))
    assert read_results(tiny_run, "samples")["text"].tolist() == [s.text for s in tiny_run.samples]


def test_publishing_again_replaces_whole_and_leaves_nothing_aside(tiny_run: Run):
    for _ in range(2):
        publish_results(tiny_run.path / "results.duckdb", tiny_run)
    assert not list(tiny_run.path.glob("*.part*"))
    assert len(read_results(tiny_run, "samples")) == tiny_run.count


def test_a_run_without_tables_says_so(tiny_run: Run):
    with pytest.raises(StoreError, match="results.duckdb cannot be read"):
        read_results(tiny_run, "samples")


def test_of_too_many_estimates_those_not_asked_for_longest_go(tmp_path: Path):
    cache = ResultCache(tmp_path / "estimates.duckdb", most=40)
    for number in range(40):
        cache.put(some_estimate(f"k{number}", 4))
    cache._asked.clear()  # as after a restart
    assert cache.get("tiny-1", "projected", "k0") is not None, "and is asked for again"
    for number in range(40, 60):
        cache.put(some_estimate(f"k{number}", 4))
    held = {n for n in range(60) if cache.get("tiny-1", "projected", f"k{n}") is not None}
    assert 30 <= len(held) <= 40
    assert 0 in held and 59 in held and not held & {1, 2, 3}


@pytest.mark.parametrize("replaced", [False, True])
def test_what_is_saved_after_the_cache_folder_went_is_really_saved(tmp_path: Path, replaced: bool):
    path = tmp_path / "cache" / "results.duckdb"
    cache = ResultCache(path)
    SavedViews(cache, "r", 3).save(View("before", np.arange(3, dtype=np.int32)))
    shutil.rmtree(path.parent)
    if replaced:
        other = ResultCache(path)
        SavedViews(other, "r", 3)
        other.close()
    views = SavedViews(cache, "r", 3)
    views.save(View("after", np.arange(3, dtype=np.int32)))
    cache.put(some_estimate())
    cache.close()
    again = ResultCache(path)
    assert again.persistent
    assert [view.name for view in SavedViews(again, "r", 3).all()] == ["after"]
    assert again.get("tiny-1", "projected", "a") is not None


def test_two_builds_publish_the_same_tables_and_differ_in_the_name_duckdb_gives_a_file(
    tmp_path: Path,
):
    runs = [build_tiny(tmp_path / name) for name in ("one", "other")]
    for run in runs:
        publish_results(run.path / "results.duckdb", run)
    first, second = ((run.path / "results.duckdb").read_bytes() for run in runs)
    tables = []
    for run in runs:
        with duckdb.connect(run.path / "results.duckdb", read_only=True) as connection:
            names = [name for (name,) in connection.execute("SHOW TABLES").fetchall()]
            assert len(names) >= 8
            tables.append({name: connection.execute(f"FROM {name}").fetchall() for name in names})
    assert tables[0] == tables[1] and all(tables[0][name] for name in ("samples", "probe_losses"))
    assert len(first) == len(second)
    differing = [at for at, pair in enumerate(zip(first, second, strict=True)) if len({*pair}) > 1]
    assert 0 < len(differing) <= 24 and max(differing) < 4096, "an identifier and a checksum"
