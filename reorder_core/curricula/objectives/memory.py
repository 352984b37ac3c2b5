"""`remember:IDS` and `forget:IDS`: the mean final loss of chosen training samples."""

from reorder_core.curricula.objective import Objective, over_samples
from reorder_core.errors import CurriculumError
from reorder_core.store.run import Run


def remember(run: Run, argument: str) -> Objective:
    """Lower is better."""
    ids = sample_ids(run, argument, "remember")
    return over_samples(
        run, f"remember:{argument}", f"have {_told(run, argument, ids)} remembered best",
        "mean loss of the samples to remember", ids, False,
    )  # fmt: skip


def forget(run: Run, argument: str) -> Objective:
    """Higher is better."""
    ids = sample_ids(run, argument, "forget")
    return over_samples(
        run, f"forget:{argument}", f"have {_told(run, argument, ids)} forgotten most",
        "mean loss of the samples to forget", ids, True,
    )  # fmt: skip


def sample_ids(run: Run, text: str, what: str) -> tuple[int, ...]:
    """Ids in `3,7-9,canary`: numbers, ranges, flags and domains; at least one, each once.

    Raises CurriculumError naming the part that is none of these.
    """
    found: list[int] = []
    for part in filter(None, map(str.strip, text.split(","))):
        found += _of_part(run, part)
    if not found:
        raise CurriculumError(
            f"{what} names no samples; give ids, as in 3,7-9, or a flag or a domain of this run"
        )
    return tuple(dict.fromkeys(found))


def _of_part(run: Run, part: str) -> list[int]:
    first, dash, last = part.partition("-")
    if _is_number(first) and (not dash or _is_number(last)):
        ids = range(int(first), int(last or first) + 1)
        if not ids or ids[-1] >= run.count:
            raise CurriculumError(
                f"there is no sample {part[:40]}; this run's ids are 0..{run.count - 1}"
            )
        return list(ids)
    named = [s.sample_id for s in run.samples if part in (*s.flags, s.domain)]
    if not named:
        flags = sorted({flag for s in run.samples for flag in s.flags})
        raise CurriculumError(
            f"{part[:40]!r} is no sample id, flag or domain of this run; expected ids "
            f"0..{run.count - 1} or one of {', '.join([*flags, *run.domains])}"
        )
    return named


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 9


def _told(run: Run, argument: str, ids: tuple[int, ...]) -> str:
    if len(ids) == 1:
        return f"sample {ids[0]}"
    for flag in {flag for i in ids for flag in run.samples[i].flags}:
        if set(ids) == {s.sample_id for s in run.samples if flag in s.flags}:
            return f"all {len(ids)} samples flagged {flag}"
    if argument in run.domains:
        return f"all {len(ids)} samples of {argument}"
    return f"{len(ids)} samples"
