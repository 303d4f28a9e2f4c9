"""What transactions contribute to the variance of an estimate: invocations of one are drawn together, so they err together.

Promises: memory is bounded, whatever the number of transactions and the order in which their invocations come. Up to
:data:`MAX_EXACT` transactions the sum is exact. Beyond it, it is estimated without bias from :data:`BUCKETS` sums of
amounts with random signs, with a standard deviation of sqrt(2 / BUCKETS), 1.1 %: half of that in a margin (N. Alon, Y.
Matias, M. Szegedy, "The space complexity of approximating the frequency moments", 1996).

Pure.
"""

from array import array

MAX_EXACT = 4096
"""Some 600 KiB for each of the settings."""

BUCKETS = 1 << 14
"""128 KiB for each of the settings."""

_WORD = (1 << 64) - 1


class Clusters:
    """Adds amounts up by transaction, and gives the sum of the squares of what each comes to."""

    def __init__(self) -> None:
        self._exact: dict[int, float] | None = {}
        self._buckets = array("d")

    def add(self, transaction: int, amount: float) -> None:
        """Add to a transaction's amount.

        Args:
            transaction: What it is told from others by, up to 64 bits.
            amount: That one of its invocations comes to.
        """
        if self._exact is None:
            self._scatter(transaction, amount)
            return
        self._exact[transaction] = self._exact.get(transaction, 0.0) + amount
        if len(self._exact) > MAX_EXACT:
            known, self._exact = self._exact, None
            self._buckets = array("d", bytes(8 * BUCKETS))
            for one, sum_of_one in known.items():
                self._scatter(one, sum_of_one)

    @property
    def sum_of_squares(self) -> float:
        """Over all transactions, of what each one's amounts add up to."""
        sums = self._buckets if self._exact is None else self._exact.values()
        return sum(one * one for one in sums)

    def _scatter(self, transaction: int, amount: float) -> None:
        mixed = _mixed(transaction)
        self._buckets[mixed & BUCKETS - 1] += amount if mixed & BUCKETS else -amount


def _mixed(number: int) -> int:
    """Spread ids that are not as random as they should be (SplitMix64; G. Steele, D. Lea, C. Flood, 2014)."""
    mixed = number + 0x9E3779B97F4A7C15 & _WORD
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _WORD
    return mixed ^ mixed >> 31
