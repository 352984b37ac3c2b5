"""The published tables answer named questions; their SQL can be asked by anyone."""

import threading
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from reorder_core.errors import StoreError
from reorder_core.export.bundle import to_csv
from reorder_core.export.spreadsheet import neutral
from reorder_core.store.published import publish_results
from reorder_core.store.queries import ALL, QUERIES, Published
from reorder_core.store.run import Run, open_run

DEMO = Path(__file__).parent.parent / "data" / "demo"


@pytest.fixture(scope="module")
def demo() -> Run:
    return open_run(DEMO)


def test_every_sample_has_its_losses_its_gain_and_its_step(demo: Run) -> None:
    table = Published(demo).ask("samples")
    at = demo.reference.losses_at.samples
    assert table.sample_id.tolist() == list(range(demo.count))
    np.testing.assert_array_equal(table.before.to_numpy(np.float32), at[0])
    np.testing.assert_array_equal(table.after.to_numpy(np.float32), at[-1])
    np.testing.assert_allclose(table.gain, at[0] - at[-1], atol=1e-6)
    assert table.gain.std() > 0.1, "or the demo shows nothing"
    trained = demo.visits.batches(demo.reference_order)
    reserve = table.reference_step.isna()
    assert reserve.sum() == 24 and not np.isin(table.sample_id[reserve], trained).any()
    placed = zip(table.sample_id[~reserve], table.reference_step[~reserve].astype(int), strict=True)
    assert all(sample_id in trained[step - 1] for sample_id, step in placed)
    assert [list(flags) for flags in table["flags"]] == [list(s.flags) for s in demo.samples]


def test_domains_and_held_out_text_are_what_the_run_says(demo: Run) -> None:
    published, reference = Published(demo), demo.reference
    held = published.ask("held_out").set_index("domain")
    for at, name in enumerate(demo.probe_domains):
        assert held.after[name] == pytest.approx(reference.final.probes[at])
    domains = published.ask("domains").set_index("domain")
    for name in demo.domains:
        inside = [s.sample_id for s in demo.samples if s.domain == name]
        assert domains.samples[name] == len(inside)
        gain = (reference.losses_at.samples[0] - reference.final.samples)[inside]
        assert domains.gain[name] == pytest.approx(gain.mean(), abs=1e-6)
    assert len(published.ask("steps")) == demo.steps
    places = published.ask("sample_places", sample_id=7)
    effects = demo.arrays("position")["own"][7]
    np.testing.assert_allclose(places.own, effects[: demo.steps], atol=1e-6)
    curve = published.ask("sample_losses", sample_id=7)
    np.testing.assert_allclose(curve.loss, reference.losses_at.samples[:, 7])


@pytest.fixture
def built_now(tiny_run: Run) -> Run:
    """With the tables that older runs lack."""
    publish_results(tiny_run.path / "results.duckdb", tiny_run)
    return tiny_run


@pytest.mark.parametrize("query", ALL, ids=lambda query: query.name)
def test_the_sql_shown_gives_anybody_the_same_rows(demo: Run, built_now: Run, query) -> None:
    values = {name: 3 if name == "sample_id" else "perplexity" for name in query.parameters}
    published = Published(demo)
    run = demo if published.can(query.name) else built_now
    published.close()
    with duckdb.connect(run.path / "results.duckdb", read_only=True) as anybody:
        theirs = anybody.execute(query.sql, values).df()
    pd.testing.assert_frame_equal(Published(run).ask(query.name, **values), theirs)
    assert query.sentence.endswith(".") and len(theirs) > 0
    assert all(f"${name}" in query.sql for name in query.parameters)


def test_a_value_is_bound_and_never_read_as_sql(demo: Run) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        Published(demo).ask("sample_losses", sample_id="3 OR true")


def test_many_threads_ask_one_connection(demo: Run) -> None:
    published, failures = Published(demo), []

    def ask(sample: int) -> None:
        try:
            for _ in range(5):
                assert len(published.ask("sample_losses", sample_id=sample)) == len(demo.eval_steps)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_run_without_its_tables_says_what_to_do(tiny_run: Run) -> None:
    with pytest.raises(StoreError, match="no results.duckdb; build it again"):
        Published(tiny_run).ask("steps")
    publish_results(tiny_run.path / "results.duckdb", tiny_run)
    published = Published(tiny_run)
    assert len(published.ask("samples")) == tiny_run.count
    published.close()
    (tiny_run.path / "results.duckdb").write_bytes(b"no database at all" * 99)
    with pytest.raises(StoreError, match="cannot be read"):
        Published(tiny_run).ask("steps")
    assert list(QUERIES) == [query.name for query in ALL]


def test_no_cell_of_a_csv_file_is_a_formula() -> None:
    cells = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\r=1", "a=b", "", "it's"]
    table = pd.DataFrame({"text": cells, "change": np.linspace(-1, 1, len(cells))})
    safe = neutral(table)
    assert [t.startswith("'") for t in safe.text] == [True] * 7 + [False] * 3
    plain = [cell.replace("\r", " ") for cell in cells]  # no control character leaves either
    assert safe.text.str.removeprefix("'").tolist() == plain
    np.testing.assert_array_equal(safe.change, table.change)
    assert b"'=1+1,-1\n" in to_csv(table), "numbers stay numbers"
