"""What visitors share, and what they may do: REORDER_READ_ONLY=1 lets them look only."""

import os

from streamlit import config

from reorder_core.errors import OrderError
from reorder_core.importing.remote import is_address
from ui.app.known_runs import named

READ_ONLY = "REORDER_READ_ONLY"
_SHARED = (
    "Everybody who opens this app shares its saved views, named branches, retrainings and their "
    "queue: what one saves, renames, deletes, verifies or cancels, all see. The order on screen is "
    "yours alone."
)
_LOOKING = (
    "This app is read-only: drag, compare and export as you like; retraining, saving, renaming "
    "and deleting are off, and branches last as long as your visit."
)


def read_only() -> bool:
    """Whether visitors may change nothing that others see."""
    set_so = os.environ.get(READ_ONLY, "").strip().lower() not in ("", "0", "false", "no")
    return set_so or is_address(named())  # what is retrained on a copy never reaches the store


def limit_uploads() -> None:
    """A read-only app takes no upload; the server's limit is for those who may import a run."""
    if read_only():
        config.set_option("server.maxUploadSize", 1)


def must_be_free_to(what: str) -> None:
    """Nothing where visitors may change things; OrderError says what they may not, where not."""
    if read_only():
        raise OrderError(
            f"this app is read-only, so nobody can {what} here; "
            "ask whoever runs it, or start your own on a copy of the run"
        )


def told() -> str:
    """A sentence for the page: what is shared, or that this app is read-only."""
    return _LOOKING if read_only() else _SHARED
