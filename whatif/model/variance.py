"""Sum up the variance of an estimate by transaction, since its invocations are sampled together.

Promises: memory is bounded for any number and order of invocations. Up to :data:`MAX_EXACT` transactions the sum is
exact. Beyond it, :data:`BUCKETS` sums of amounts with random signs estimate it without bias. The standard deviation is
sqrt(2 / BUCKETS), 1.1 %, and half of that in a margin (N. Alon, Y. Matias, M. Szegedy, "The space complexity of
approximating the frequency moments", 1996).

Pure.
"""

from array import array

MAX_EXACT = 4096
"""Some 600 KiB for each of the settings."""

BUCKETS = 1 << 14
"""128 KiB for each of the settings."""

_WORD = (1 << 64) - 1


class Clusters:
    """Add amounts up by transaction; the result is the sum of the squared amounts."""

    def __init__(self) -> None:
        self._exact: dict[int, float] | None = {}
        self._buckets = array("d")

    def add(self, transaction: int, amount: float) -> None:
        """Add to a transaction's amount.

        Args:
            transaction: A number of up to 64 bits that identifies it.
            amount: The amount of one of its invocations.
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
        """The sum over all transactions of the square of their amounts."""
        sums = self._buckets if self._exact is None else self._exact.values()
        return sum(one * one for one in sums)

    def _scatter(self, transaction: int, amount: float) -> None:
        mixed = _mixed(transaction)
        self._buckets[mixed & BUCKETS - 1] += amount if mixed & BUCKETS else -amount


def _mixed(number: int) -> int:
    """Mix the bits of a number that may not be random (SplitMix64; G. Steele, D. Lea, C. Flood, 2014)."""
    mixed = number + 0x9E3779B97F4A7C15 & _WORD
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _WORD
    return mixed ^ mixed >> 31
