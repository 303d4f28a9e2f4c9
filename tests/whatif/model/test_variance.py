import random
import sys

import pytest

from whatif.model.variance import BUCKETS, MAX_EXACT, Clusters

pytestmark = pytest.mark.newest


def squares(counts: dict[int, int], amount: float = 1.0) -> float:
    """Adds each transaction's invocations, all mixed up."""
    order = [one for one, count in counts.items() for _ in range(count)]
    random.Random(1).shuffle(order)
    clusters = Clusters()
    for one in order:
        clusters.add(one, amount)
    return clusters.sum_of_squares


def test_clusters_square_the_sum_of_a_transaction() -> None:
    """Three invocations of one transaction are nine times as uncertain as one, not three times."""
    assert squares({7: 3, 8: 1}) == 10
    assert squares({7: 3, 8: 1}, amount=2.0) == 40
    assert Clusters().sum_of_squares == 0


@pytest.mark.parametrize(
    "ids",
    [lambda n: random.Random(n).getrandbits(56), lambda n: n, lambda n: n << 32],
    ids=["random", "counted", "counted in the upper bits"],
)
@pytest.mark.parametrize("most", [1, 9])
def test_clusters_estimate_many_transactions(ids: object, most: int) -> None:
    """Ten times the exact number is off by less than five standard deviations."""
    assert callable(ids)
    sizes = random.Random(2)
    counts = {ids(n): sizes.randint(1, most) for n in range(10 * MAX_EXACT)}

    found = squares(counts)

    assert found == pytest.approx(sum(n * n for n in counts.values()), rel=5 * (2 / BUCKETS) ** 0.5)


def test_clusters_bound_their_memory() -> None:
    """Sums of buckets take the place of single transactions."""
    clusters = Clusters()
    for transaction in range(3 * MAX_EXACT):
        clusters.add(transaction, 1.0)

    assert clusters._exact is None
    assert sys.getsizeof(clusters._buckets) < 9 * BUCKETS
