"""Search the transactions that a verdict needs, one question at a time."""

from collections.abc import Collection


class RemovalSearch:
    """Remove the later half of the transactions, then the earlier. Divide a half again if the verdict needs part of it.

    `question` is the next set to remove, None at the end. It is repeated until nothing more can be removed, so that the
    set which remains is minimal. Of equivalent transactions the earliest is kept.
    """

    def __init__(self, transactions: Collection[int]) -> None:
        self._transactions = sorted(transactions)
        self._removed = frozenset[int]()
        self._known: dict[frozenset[int], bool] = {frozenset(): True}  # answers by what was removed
        self._parts: list[list[int]] = []  # to remove, the next one last
        self._removed_before: frozenset[int] | None = None
        self.question: frozenset[int] | None = None
        self._advance()

    def needed(self) -> list[int]:
        """Return the transactions that were not removed, in order of time."""
        return [number for number in self._transactions if number not in self._removed]

    def answer(self, same: bool) -> None:
        """Continue the search. `same` is True if the verdict stays the same without the transactions of `question`."""
        if self.question is not None:
            self._known[self.question] = same
            self._advance()

    def _advance(self) -> None:
        """Find the next question that has no answer yet."""
        self.question = None
        while self._parts or self._begin_again():
            part = self._parts.pop()
            without = self._removed.union(part)
            if without not in self._known:
                self._parts.append(part)
                self.question = without
                return
            if self._known[without]:
                self._removed = without
            elif len(part) > 1:
                middle = len(part) // 2
                self._parts += part[:middle], part[middle:]

    def _begin_again(self) -> bool:
        """Begin with all that remains. Return False if nothing was removed since the last time, or nothing remains."""
        if self._removed == self._removed_before or not (remaining := self.needed()):
            return False
        self._removed_before = self._removed
        self._parts = [remaining]
        return True
