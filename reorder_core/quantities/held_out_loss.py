"""`held_out_loss`: of each held-out domain, at the end."""

from reorder_core.quantities.quantity import ReadOut

QUANTITY = ReadOut(
    name="held_out_loss",
    title="Held-out loss",
    unit="nats per token",
    better="lower",
    sentence="Mean over a domain's probes, texts never trained, of their loss after the last step.",
    of=("held_out",),
)
