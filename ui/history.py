"""The orders a session has been through: commit, undo, redo, jump."""

from dataclasses import dataclass, field

from reorder_core.orders import Order, order_hash

LONGEST = 500


@dataclass
class History:
    """A line of orders with a place on it; `rev` grows with every change of place."""

    reference: Order
    orders: list[Order] = field(default_factory=list)
    place: int = 0
    rev: int = 0

    def __post_init__(self) -> None:
        if not self.orders:
            self.orders.append(self.reference)

    @property
    def order(self) -> Order:
        return self.orders[self.place]

    @property
    def can_undo(self) -> bool:
        return self.place > 0

    @property
    def can_redo(self) -> bool:
        return self.place < len(self.orders) - 1

    @property
    def at_reference(self) -> bool:
        return order_hash(self.order) == order_hash(self.reference)

    def commit(self, order: Order) -> None:
        """Make `order` the current one; what was undone before is forgotten."""
        if order_hash(order) == order_hash(self.order):
            return
        self.orders[self.place + 1 :] = [order]
        del self.orders[:-LONGEST]
        self._go(len(self.orders) - 1)

    def undo(self) -> None:
        if self.can_undo:
            self._go(self.place - 1)

    def redo(self) -> None:
        if self.can_redo:
            self._go(self.place + 1)

    def reset(self) -> None:
        """Go back to the reference order, as a change that can be undone."""
        self.commit(self.reference)

    def adopt(self, order: Order) -> None:
        """Follow the browser's Back or Forward: a neighbour is undo or redo, else a commit."""
        digest = order_hash(order)
        for place in (self.place - 1, self.place + 1):
            if 0 <= place < len(self.orders) and order_hash(self.orders[place]) == digest:
                return self._go(place)
        return self.commit(order)

    def _go(self, place: int) -> None:
        self.place = place
        self.rev += 1
