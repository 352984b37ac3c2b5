"""`loss`: of each training sample, at the end."""

from reorder_core.quantities.quantity import ReadOut

QUANTITY = ReadOut(
    name="loss",
    title="Final loss",
    unit="nats per token",
    better="lower",
    sentence="Mean cross-entropy of a training sample's next tokens after the last step.",
    of=("samples",),
)
