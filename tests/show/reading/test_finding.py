from typing import Any

import pytest

from show.model.invocation import Invocation
from show.reading.finding import found_by, kinds_of, transaction_of
from show.reading.invocations import invocations_of
from tests.doubles.kept import entries, request_id, summary

ORDER = {"correlationId": "order-7"}


def ended(*given: dict[str, Any]) -> list[Invocation]:
    return invocations_of(entries(*given))


def test_an_id_may_be_cut_short() -> None:
    """Unless another one begins so."""
    found = ended(summary(10, request=12), summary(20, request=13))

    assert [one.request_id for one in found_by("00000012", found).attempts] == [request_id(12)]
    ambiguous = found_by("0000001", found)
    assert (ambiguous.ids, ambiguous.attempts) == ([request_id(12), request_id(13)], [])
    assert found_by("9", found).ids == []


def test_a_whole_id_wins_over_one_that_begins_with_it() -> None:
    """Correlation ids may have any form."""
    found = ended(summary(10, request=1, **ORDER), summary(20, request=2, correlationId="order-77"))

    assert [one.request_id for one in found_by("order-7", found).attempts] == [request_id(1)]


@pytest.mark.parametrize("wanted", ["order-7", "1-5f"])
def test_the_first_failure_of_a_transaction_is_shown(wanted: str) -> None:
    """It is most likely the cause."""
    trace = {"traceId": "1-5f35ae12-0c0fec141ab77a00bc047aa2"}
    found = ended(
        summary(10, request=1, outcome="success", **ORDER, **trace),
        summary(20, request=2, outcome="timeout", **ORDER, **trace),
        summary(30, request=3, **ORDER, **trace),
    )

    (shown,) = found_by(wanted, found).attempts
    others = transaction_of(shown, found)

    assert shown.request_id == request_id(2)
    assert [one.request_id for one in others] == [request_id(1), request_id(3)]


def test_all_attempts_at_a_request_are_found() -> None:
    """In the order of their times."""
    found = ended(summary(10), summary(20, outcome="success"))

    assert [one.outcome for one in found_by(request_id(1), found).attempts] == ["crash", "success"]


def test_one_invocation_by_several_ids_is_not_ambiguous() -> None:
    """Its trace id may begin as its request id does."""
    found = ended(summary(10, correlationId="00000001-mine"))

    assert len(found_by("00000001", found).attempts) == 1


def test_failures_are_counted_by_fingerprint() -> None:
    """The most frequent first; those that have none by reason."""
    told = {"fingerprint": "f1"}
    failures = ended(
        summary(10, request=1, told={"fingerprint": "f2"}),
        *(summary(20, request=2, told=told), summary(30, request=3, told=told)),
        *(summary(40, request=4), summary(50, request=5, reason="timeout")),
    )

    kinds = kinds_of(failures)

    assert [(kind.fingerprint, len(kind.failures)) for kind in kinds] == [
        *(("f1", 2), ("", 1), ("", 1), ("f2", 1)),
    ]
