from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reorder_core.cache.estimates import ResultCache
from reorder_core.cache.saved_views import LONGEST_NAME, MOST_VIEWS, SavedViews, View
from reorder_core.errors import OrderError, StoreError
from reorder_core.orders.order import make_order, swap

COUNT = 6
ORDER = make_order(range(COUNT), COUNT)


def opened(path: Path, made_from: str = "") -> tuple[ResultCache, SavedViews]:
    cache = ResultCache(path / "c.duckdb", made_from)
    return cache, SavedViews(cache, "run-1", COUNT)


def test_a_view_comes_back_whole_after_a_restart(tmp_path: Path):
    cache, views = opened(tmp_path)
    order = swap(ORDER, 0, 3)
    made = views.save(View("  Hard\nlate ", order, "a note", "s3.0", 4, "training"))
    cache.close()
    (view,) = opened(tmp_path)[1].all()
    assert (view.id, view.name, view.note) == (made, "Hard late", "a note")
    assert (view.moves, view.selection, view.metric) == ("s3.0", 4, "training")
    assert view.created is not None
    np.testing.assert_array_equal(view.order, order)


def test_views_outlive_estimates_of_other_arrays_and_of_another_format(tmp_path: Path):
    cache, views = opened(tmp_path, "arrays 1")
    views.save(View("kept", ORDER))
    cache.close()
    cache, views = opened(tmp_path, "arrays 2")
    assert [view.name for view in views.all()] == ["kept"]
    cache.close()
    with duckdb.connect(tmp_path / "c.duckdb") as connection:
        connection.execute("UPDATE about SET format = 999")
    assert [view.name for view in opened(tmp_path)[1].all()] == ["kept"]


def test_the_deck_is_put_in_another_order(tmp_path: Path):
    _, views = opened(tmp_path)
    made = {name: views.save(View(name, ORDER)) for name in "abcd"}
    views.place(made["d"], 1)
    assert [view.name for view in views.all()] == ["a", "d", "b", "c"]
    views.place(made["a"], 99)
    assert [view.name for view in views.all()] == ["d", "b", "c", "a"]
    views.delete(made["b"])
    views.rename(made["c"], "new name", "why")
    assert [(view.name, view.note) for view in views.all()][1] == ("new name", "why")
    views.save(View("last", ORDER))
    assert [view.name for view in views.all()] == ["d", "new name", "a", "last"]


def test_another_runs_views_are_neither_seen_nor_changed(tmp_path: Path):
    cache, views = opened(tmp_path)
    made = views.save(View("mine", ORDER))
    other = SavedViews(cache, "run-2", COUNT)
    assert other.all() == []
    for change in (lambda: other.delete(made), lambda: other.rename(made, "x", ""),
                   lambda: other.place(made, 0)):  # fmt: skip
        with pytest.raises(OrderError, match="gone"):
            change()
    assert len(views.all()) == 1


def test_a_view_that_no_longer_fits_the_run_is_left_out(tmp_path: Path):
    cache, views = opened(tmp_path)
    views.save(View("old", ORDER))
    assert SavedViews(cache, "run-1", COUNT + 1).all() == []


@pytest.mark.parametrize("name", ["", " \n ", "x" * (LONGEST_NAME + 1)])
def test_a_name_that_cannot_be_shown_is_refused(tmp_path: Path, name: str):
    _, views = opened(tmp_path)
    with pytest.raises(OrderError, match="1 to 80 characters"):
        views.save(View(name, ORDER))
    assert views.all() == []


def test_there_is_an_end_to_saving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reorder_core.cache.saved_views.MOST_VIEWS", 3)
    _, views = opened(tmp_path)
    for number in range(3):
        views.save(View(str(number), ORDER))
    with pytest.raises(OrderError, match="3 saved views already"):
        views.save(View("one more", ORDER))
    assert MOST_VIEWS == 200


@given(st.text(max_size=LONGEST_NAME), st.text(max_size=200))
def test_any_name_is_kept_as_written_or_refused(name: str, note: str):
    views = SavedViews(ResultCache(Path(":memory:")), "run-1", COUNT)
    try:
        views.save(View(name, ORDER, note))
    except OrderError:
        assert not name.split()
        return
    except StoreError:
        assert "\0" in name + note or any("\ud800" <= c <= "\udfff" for c in name + note)
        return
    (view,) = views.all()
    assert (view.name, view.note) == (" ".join(name.split()), note.strip())
