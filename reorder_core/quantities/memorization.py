"""`memorization`: what training changed of each sample."""

from reorder_core.quantities.quantity import Derived

QUANTITY = Derived(
    name="memorization",
    title="Memorization",
    unit="nats per token",
    better="higher",
    sentence="A training sample's loss before training minus its loss after the last step.",
    of=("samples",),
    value=lambda before, after: before - after,
    monotone=True,
)
