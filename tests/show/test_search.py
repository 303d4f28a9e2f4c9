from collections.abc import Iterable
from typing import Any

from show.model.entry import Entry
from show.model.invocation import Invocation
from show.search import kept_in, whole_of
from tests.doubles.kept import entries, record, request_id, summary


class Place:
    """A place that tells summaries first and the rest when it is asked, as a log group does."""

    name = "place"

    def __init__(self, *found: Entry) -> None:
        self.notes: list[str] = []
        self.asked: list[str] = []
        self._found = found

    def summaries(self) -> Iterable[Entry]:
        return [entry for entry in self._found if entry.is_summary]

    def naming(self, text: str) -> Iterable[Entry]:
        self.asked.append(text)
        return self.summaries()

    def around(self, one: Invocation) -> Iterable[Entry]:
        return [entry for entry in self._found if entry.environment == one.environment]


ORDER: dict[str, Any] = {"correlationId": "order-7"}


def test_failures_of_all_places_are_listed() -> None:
    first = Place(*entries(summary(10, request=1)))
    second = Place(*entries(summary(20, request=2, id="e2-1")))

    assert [one.request_id for one in kept_in([first, second])] == [request_id(1), request_id(2)]


def test_an_invocation_is_read_whole_and_its_transaction_in_all_places() -> None:
    """The other place is asked for the correlation id, once."""
    here = Place(*entries(record(1, "a", **ORDER), summary(10, **ORDER)))
    there = Place(*entries(summary(20, request=2, outcome="success", id="e2-1", **ORDER)))

    whole = whole_of("00000001", [here, there])

    assert [len(one.lines) for one in whole.attempts] == [1]
    assert [one.request_id for one in whole.others] == [request_id(2)]
    assert there.asked == ["00000001", "order-7"]


def test_several_ids_are_told_and_nothing_is_read() -> None:
    place = Place(*entries(summary(10, request=12), summary(20, request=13)))

    whole = whole_of("0000001", [place])

    assert (whole.ids, whole.attempts) == ([request_id(12), request_id(13)], [])
