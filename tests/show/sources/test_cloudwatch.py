import time

import pytest

from show.model.errors import ShowError
from show.reading.invocations import invocations_of
from show.sources import cloudwatch
from show.sources.cloudwatch import LogGroup
from show.sources.command import Aws
from show.sources.progress import Progress
from show.sources.span import Span, read_since
from tests.doubles.golden_events import FIRST_MS, request_id, trace_id, written_to_cloudwatch
from tests.doubles.kept_group import AGO_MS, kept_group, put
from tests.services.aws import REGION, moto
from tests.templates.validators import aws_environ

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]


def opened(group: str, span: Span | None = None) -> LogGroup:
    aws = Aws(REGION, Progress(), aws_environ(moto()))
    span = span or read_since("1h", now_s=time.time())
    return LogGroup(group, span, aws=aws, progress=Progress())


@pytest.fixture(name="group", scope="module")
def shop_group() -> str:
    return kept_group(moto())


def test_a_list_reads_the_summaries_alone(group: str) -> None:
    """Page by page, and a second time from memory."""
    source = opened(group)

    found = list(source.summaries())

    assert [entry.request_id for entry in found] == [request_id(n) for n in (1, 2, 4, 5)]
    assert all(entry.is_summary for entry in found)
    assert list(source.summaries()) == found


def test_pages_are_read_to_the_end(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a token for the next one."""
    monkeypatch.setattr(cloudwatch, "PAGE_EVENTS", 1)

    assert len(list(opened(group).summaries())) == 4


def test_a_search_that_is_cut_off_says_so(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do."""
    monkeypatch.setattr(cloudwatch, "PAGE_EVENTS", 1)
    monkeypatch.setattr(cloudwatch, "MAX_PAGES", 2)
    source = opened(group)

    found = list(source.summaries())

    assert len(found) == 2
    assert source.notes == [
        f"The search in the log group {group} stopped after 2 pages: choose a shorter time with --since."
    ]


@pytest.mark.parametrize("scenario", ["sink-cloudwatch", "sink-cloudwatch-records"])
def test_an_invocation_is_found_by_its_id_and_read_whole(scenario: str) -> None:
    """In both forms: its lines, its end and its report."""
    source = opened(kept_group(moto(), scenario))
    entries = list(source.naming(request_id(1)))
    (one,) = [one for one in invocations_of(entries) if one.request_id == request_id(1)]

    everything = invocations_of([*entries, *source.around(one)])

    whole = next(one for one in everything if one.request_id == request_id(1))
    assert len(whole.lines) == whole.number("lines") == 10
    assert whole.lines[0].text == "loading the shop"
    assert whole.entries[-1].type == "platform.report"


def test_a_trace_id_finds_the_summaries_that_name_it(group: str) -> None:
    found = list(opened(group).naming(trace_id(1)))

    assert [entry.request_id for entry in found if entry.is_summary] == [request_id(1)]


def test_an_invocation_is_found_among_those_of_an_overflow_stream() -> None:
    """Records of many environments are side by side there, with those that were let go of by each."""
    shift_ms = int(time.time() * 1000) - AGO_MS - FIRST_MS
    one = written_to_cloudwatch("sink-cloudwatch-records", shift_ms=shift_ms)
    stream = "2026/11/24/[7]overflow"
    moved = [
        {**event, "message": event["message"].replace(one.stream, stream)} for event in one.events
    ]
    # Another environment, with other requests at the same times.
    others = [
        {
            **event,
            "message": event["message"]
            .replace("f11e000000000001", "e2e2000000000002")
            .replace("0000-4000-8000", "0000-4000-9000"),
        }
        for event in moved
    ]
    group = put(moto(), one._replace(stream=stream, events=[*moved, *others]))
    source = opened(group)

    entries = list(source.naming(request_id(1)))
    (found,) = [one for one in invocations_of(entries) if one.request_id == request_id(1)]
    everything = invocations_of([*entries, *source.around(found)])

    whole = next(one for one in everything if one.request_id == request_id(1))
    # A line with metrics has no room for an id, in whichever form.
    assert len(whole.lines) == 9
    assert {entry.environment for entry in whole.entries} == {"f11e000000000001"}
    assert len(everything) == 8


@pytest.mark.parametrize("text", ["00000001", 'say "hi"', "back\\slash", "cart-17"])
def test_what_is_no_whole_id_is_looked_for_in_all_summaries(group: str, text: str) -> None:
    """AWS does not say that a pattern finds the beginning of a word, and some texts are no pattern."""
    assert len(list(opened(group).naming(text))) == 4


def test_nothing_is_found_outside_of_the_span(group: str) -> None:
    now_ms = int(time.time() * 1000)

    assert list(opened(group, Span(now_ms - 1000, now_ms)).summaries()) == []


def test_nothing_is_read_around_an_invocation_of_another_place(group: str) -> None:
    (one, *_) = invocations_of(opened(group).summaries())

    assert list(opened("/another").around(one)) == []


def test_a_missing_group_is_told_with_what_to_do() -> None:
    with pytest.raises(ShowError, match=f"no log group /not/there in {REGION}: name another"):
        list(opened("/not/there").summaries())
