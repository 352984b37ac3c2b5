"""The samples of a recorded training, as the tokens that it saw."""

import hashlib
from pathlib import Path
from typing import ClassVar, Literal, Self

from reorder_core.corpus.sources.source import Source


class Recorded(Source):
    """`corpus.kind: recorded`, which a recorder writes; not by hand."""

    label: ClassVar[str] = "Recorded training"
    kind: Literal["recorded"] = "recorded"
    path: Path
    """The recording's folder, relative to the config."""

    def located(self, folder: Path) -> Self:
        """The same with a path that holds from where the command runs."""
        return self.model_copy(update={"path": folder / self.path.expanduser()})

    def fingerprint(self) -> str | None:
        """Of what was recorded; None where the recording is gone."""
        digest = hashlib.sha256()
        try:
            for name in ("tokens", "start", "states"):
                with (self.path / f"{name}.safetensors").open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError:
            return None
        return digest.hexdigest()
