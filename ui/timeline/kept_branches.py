"""Named branches of the history, kept in the run's cache database for the next visit."""

from reorder_core.cache.branches import Branch
from reorder_core.errors import OrderError, StoreError
from reorder_core.store.run import Run
from ui.app import state, visitors
from ui.app.history import BRANCHES, MAIN, History, Line
from ui.queries import estimates


def restore(run: Run, history: History) -> None:
    """Bring the kept branches into a history that has just begun; once a session."""
    if state.kept_branches(run.id) is not None:
        return
    kept: dict[str, tuple[str, str]] = {}
    state.set_kept_branches(run.id, kept)
    try:
        found = estimates.branches(run).all()
    except StoreError:
        return  # the saved views say why nothing is kept
    for branch in found:
        if len(history.lines) < BRANCHES and branch.name not in history.lines:
            line = Line.of(branch.start, branch.moves, branch.place)
            history.lines[branch.name] = line
            kept[branch.name] = (branch.version, line.digest)


def keep(run: Run, history: History) -> bool:
    """Save the branches that have changed, forget the deleted ones; whether one was renamed.

    Says so where that fails.
    """
    kept = state.kept_branches(run.id)
    if kept is None or visitors.read_only():
        return False
    before = history.branch
    changed = [name for name, line in history.lines.items()
               if name != MAIN and kept.get(name, ("", ""))[1] != line.digest]  # fmt: skip
    try:
        for name in changed:
            _save(run, history, name, kept)
        for name in [name for name in kept if name not in history.lines]:
            estimates.branches(run).delete(name, kept.pop(name)[0])
    except (OrderError, StoreError) as error:
        state.set_notice(f"The branch is kept in this session only: {error}.")
    return history.branch != before


def _save(run: Run, history: History, name: str, kept: dict[str, tuple[str, str]]) -> None:
    line = history.lines[name]
    version = kept.get(name, ("", ""))[0]
    made = estimates.branches(run).save(
        Branch(name, line.entries[0].order, line.moves, line.place, version)
    )
    if made.name != name:  # somebody else has the name, or has gone on with it
        kept.pop(name, None)
        history.rename(name, made.name)
        state.set_notice(
            f"Somebody else changed the branch “{name}”; yours is kept as “{made.name}”.", "info"
        )
    kept[made.name] = (made.version, line.digest)
