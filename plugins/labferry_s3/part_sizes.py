"""How an archive is cut into parts."""

from typing import Self

from labferry_s3.settings import SMALLEST_PART

_MOST_PARTS = 9_000


class PartSizes:
    """How an archive is cut into parts: all of the same size, but for the last one.

    Args:
        size: The archive's size.
        each: How large the parts are.
    """

    def __init__(self, size: int, each: int) -> None:
        self.size = size
        self.each = each

    @classmethod
    def planned(cls, size: int, wanted: int) -> Self:
        """How to cut an archive so that next to nothing is left for its last part.

        The last part waits until the archive is verified. What it holds is sent after everything
        else, when nothing more happens beside it, so it gets a few bytes only. A store takes at
        most 10,000 parts, and none but the last below 5 MiB; an archive may have 5 TiB.

        Args:
            size: The archive's size.
            wanted: How large parts shall be, as nearly as that can be.
        """
        if size <= wanted:
            return cls(size, wanted)
        before = size - 1
        count = min(-(-before // wanted), before // SMALLEST_PART, _MOST_PARTS)
        return cls(size, before // count)

    @property
    def count(self) -> int:
        """How many there are."""
        return max(1, -(-self.size // self.each))

    def offset(self, number: int) -> int:
        """Where a part begins; the first one has the number 1."""
        return (number - 1) * self.each

    def length(self, number: int) -> int:
        """How large a part is."""
        return min(self.each, self.size - self.offset(number))
