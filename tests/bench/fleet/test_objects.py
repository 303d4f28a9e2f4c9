import pytest

from bench.fleet.objects import KEPT, objects
from extension.config.settings import LINGER_S


def test_each_delivery_is_an_object_without_linger() -> None:
    """As many as there are kept invocations."""
    seen = objects(200, linger_s=0.0)

    assert seen == objects(200, linger_s=0.0)
    assert seen.objects_per_s == pytest.approx(200 * KEPT, rel=0.05)
    assert seen.kib == pytest.approx(20.0, rel=0.01)


def test_linger_makes_a_seventh_of_the_objects() -> None:
    """With its default for S3, and one invocation a second."""
    assert objects(200, linger_s=LINGER_S).objects_per_s < (
        objects(200, linger_s=0.0).objects_per_s / 7
    )


def test_failures_do_not_linger() -> None:
    """Where many fail, there are more objects."""
    calm, failing = (objects(200, linger_s=LINGER_S, failed=share) for share in (0.0, 0.2))

    assert failing.objects_per_s > 1.5 * calm.objects_per_s
