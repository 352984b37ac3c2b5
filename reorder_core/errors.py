"""One tree of errors for everything a user can put right.

ReorderError
├── ConfigError      a build configuration with unknown or impossible values
├── CorpusError      text that cannot be read or is not enough
├── OrderError       an order that does not fit the run
├── RunNotFound      no run at that path
├── RunBusy          the run is being built, or is in use by another build
├── StoreError       a run folder with a missing, truncated or altered file
├── EstimatorError   an estimator that is unknown or lacks what it needs
├── ExecutionError   workers that cannot be had, or that die again and again
└── CurriculumError  an objective, constraint or budget that no search can serve

A message says what is wrong, what was seen, what was expected, what to do.
Our own mistakes are `assert`s and plain exceptions, never these.
"""

import errno
from collections.abc import Iterable
from difflib import get_close_matches

_WHAT_TO_DO = {
    errno.ENOSPC: "make room and run the command again; what was there is still whole",
    errno.EDQUOT: "make room and run the command again; what was there is still whole",
    errno.EROFS: "copy the run somewhere writable",
    errno.EACCES: "give access to it, or copy the run somewhere writable",
    errno.EPERM: "give access to it, or copy the run somewhere writable",
    errno.EMFILE: "close other programs, or raise the limit of open files",
}


def told(error: OSError) -> str:
    """What the system refused, where, and what to do, in one line."""
    where = f" ({error.filename})" if error.filename else ""
    advice = _WHAT_TO_DO.get(error.errno or 0, "look at that path and the disk it lies on")
    return f"{error.strerror or error}{where}: {advice}"


class ReorderError(Exception):
    """Something the user can put right; the text says how."""


class ConfigError(ReorderError):
    """A build configuration with unknown or impossible values."""


class CorpusError(ReorderError):
    """Text that cannot be read, or is not enough for the configuration."""


def unknown_domain(domain: str, known: Iterable[str]) -> CorpusError:
    """For a name in corpus.domains that the text has not."""
    names = list(known)
    near = get_close_matches(domain, names, 1)
    return CorpusError(
        f"corpus.domains names {domain!r}, which this corpus has not; "
        + (f"did you mean {near[0]!r}? " if near else "")
        + f"it has {', '.join(names[:20])}" + (f" and {len(names) - 20} more" * (len(names) > 20))
    )  # fmt: skip


class OrderError(ReorderError):
    """An order that does not fit the run it is asked about."""


class RunNotFound(ReorderError):
    """No run at the path given."""


class RunBusy(ReorderError):
    """The run is being built, or another process is building into its folder."""


class StoreError(ReorderError):
    """A run folder with a missing, truncated or altered file."""


class EstimatorError(ReorderError):
    """An estimator that is unknown, or lacks what it needs in this run."""


class ExecutionError(ReorderError):
    """Workers that cannot be had, or that die again and again."""


class CurriculumError(ReorderError):
    """An objective, a constraint or a budget that no search can serve."""
