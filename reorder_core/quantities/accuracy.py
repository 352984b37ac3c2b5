"""`accuracy`: how often the most likely next token is the true one."""

from typing import Any

from reorder_core.quantities.quantity import Measured


def measure(model: Any, theta: Any, texts: Any) -> Any:
    """(B,) share of each text's next tokens that get the highest logit."""
    right = model.logits(theta, texts).argmax(-1) == texts.tokens[:, 1:]  # (B, L−1)
    return model.token_means(right.to(theta.dtype), texts)


QUANTITY = Measured(
    name="accuracy",
    title="Per-token accuracy",
    unit="share of tokens",
    better="higher",
    sentence="Share of a text's next tokens that the model after the last step holds most likely; "
    "of a held-out domain the mean over its probes.",
    measure=measure,
)
