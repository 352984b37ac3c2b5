"""What a build refuses before it begins: settings that contradict each other.

A published run of an older version may hold them and still opens; therefore
they are no part of the configuration's own checks.
"""

from pathlib import Path

from reorder_core.config import RunConfig
from reorder_core.errors import ConfigError


def refuse_contradictions(config: RunConfig) -> None:
    """ConfigError for settings that a build would ignore or stumble over, all in one message."""
    training, base = config.training, config.training.base
    faults = []
    if base.steps and not config.corpus.base_samples:
        faults.append(
            f"training.base.steps is {base.steps}, but corpus.base_samples is 0; "
            "give the base phase text, or set its steps to 0"
        )
    if training.weight_decay and training.optimizer == "adam":
        faults.append(
            f"training.weight_decay is {training.weight_decay:g}, but optimizer adam has none; "
            "use optimizer: adamw, or weight_decay: 0"
        )
    if training.decayed == "matrices" and not training.weight_decay:
        faults.append(
            "training.decayed is matrices, but training.weight_decay is 0, so nothing decays; "
            "give a weight_decay, or leave decayed out"
        )
    for name, phase in (("training", training), ("training.base", base)):
        if phase.steps and phase.warmup_steps >= phase.steps:
            faults.append(
                f"{name}.warmup_steps is {phase.warmup_steps}, but there are {phase.steps} steps, "
                "so the learning rate would never be reached; use fewer"
            )
    if faults:
        raise ConfigError("; ".join(faults))


def refuse_changed_text(config: RunConfig, path: Path, read: dict | None, trained: bool) -> bool:
    """Whether the text was changed and is to be read again; nothing was trained on it yet.

    `read` is what the folder's corpus.json says of its text. Raises ConfigError
    where something was trained on the old text.
    """
    if read is None or not read.get("digest"):
        return False
    now = config.corpus.fingerprint()
    if now is None or now == read["digest"]:
        return False
    if trained:
        raise ConfigError(
            f"the text has changed since {path} was built from it (digest {read['digest'][:12]}, "
            f"now {now[:12]}); what is there is of the old text: choose another --out for a run "
            "of the new one, or delete that folder, or bring the old text back"
        )
    return True
