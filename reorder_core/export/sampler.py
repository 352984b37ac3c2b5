"""An order as a PyTorch sampler, for a DataLoader or a Trainer; imports torch."""

from collections.abc import Iterator, Sequence

from torch.utils.data import Sampler


class OrderSampler(Sampler[int]):
    """Yields the ids of an order, one after the other, every epoch alike; never shuffles."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = [int(sample_id) for sample_id in order]

    def __iter__(self) -> Iterator[int]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)
