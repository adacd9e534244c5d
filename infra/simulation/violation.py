"""The one thing that ends a seed early: an invariant that does not hold."""


class ViolationError(Exception):
    """An invariant does not hold."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant


def expect(holds: bool, invariant: str, detail: str) -> None:
    """Raises ViolationError, with what is known about it, unless the invariant holds."""
    if not holds:
        raise ViolationError(invariant, detail)
