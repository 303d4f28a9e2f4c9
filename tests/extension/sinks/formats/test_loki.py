import json

import httpx
import pytest

from extension.model.receipt import Answer, Receipt
from extension.model.timestamps import epoch_ns
from tests.doubles.extension.chunks import at, chunk, lines, now
from tests.doubles.lambda_events import line
from tests.doubles.recording_receiver import Reply
from tests.extension.sinks.formats.cases import Case

loki = pytest.mark.parametrize("case", ["loki"], indirect=True)


@loki
def test_streams_are_few_and_in_order(case: Case) -> None:
    """A stream for each level; its times rise, though Lambda's are equal."""
    base = at(now())
    texts = [f"[{level}]\t{n}" for n in range(50) for level in ("INFO", "ERROR")]

    case.send([chunk([line(text, time=base) for text in texts])])

    streams = json.loads(case.intake.requests[0].content)["streams"]
    assert [one["stream"]["level"] for one in streams] == ["info", "error"]
    for one in streams:
        times = [int(value[0]) for value in one["values"]]
        assert times == sorted(times)
        assert len(set(times)) == 50
    merged = sorted(case.intake.stored, key=lambda one: one.time_ns)
    assert [one.line for one in merged] == texts


@loki
def test_times_with_microseconds_keep_them(case: Case) -> None:
    """The fraction that tells records apart is below Lambda's own precision."""
    base = now().strftime("%Y-%m-%dT%H:%M:%S.123456Z")

    case.send([chunk([line("a", time=base)], first_number=123_456)])

    assert case.intake.stored[0].time_ns // 1000 == (epoch_ns(base) or 0) // 1000


@loki
def test_equal_pieces_of_one_line_have_different_times(case: Case) -> None:
    """Two equal pieces of one long line would be one to Loki, had they the same time."""
    case.send([chunk([line("x" * 1_000_000, time=at(now()))])])

    assert sum(len(one.line) for one in case.intake.stored) == 1_000_000


@loki
def test_refused_push_may_have_stored_some(case: Case) -> None:
    """Loki's 400 does not say which: the batch is to be cut, and stored entries may come again."""
    old, new = at(now(), days=-8), at(now())

    receipt = case.send([chunk([line("old", time=old), line("new", time=new)])])

    assert receipt == Receipt(Answer.UNREADABLE, "status 400", uncertain=True)
    assert [one.line for one in case.intake.stored] == ["new"]


@loki
@pytest.mark.parametrize(
    "message",
    [
        "stream '{}' includes structured metadata, but this feature is disallowed. Please see `limits_config`",
        "entry for stream '{}' has 3 label names; limit 2",
    ],
)
def test_limits_of_the_tenant_are_a_denial(case: Case, message: str) -> None:
    """No push would be taken, so no record is looked for, and all of them wait."""
    case.intake.answers = [Reply(400, message.encode())]

    receipt = case.send([lines("a")])

    assert receipt.answer is Answer.DENIED
    assert receipt.detail.startswith("status 400: the tenant's limits")


@loki
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"streams":[{"stream":{"a":"b"},"values":[["TIME","l",{"x":"y"}]]}]}', 204),
        ('{"streams":[{"stream":{"a":"b"},"values":[[TIME,"l"]]}]}', 400),
        ('{"streams":[{"stream":{"a-b":"b"},"values":[["TIME","l"]]}]}', 400),
        ('{"streams":[{"stream":{},"values":[["TIME","l"]]}]}', 400),
        ('{"streams":[{"stream":{"a":"b"},"values":[["TIME","l",{"x":1}]]}]}', 400),
        ('{"streams":[{"stream":{"a":"b"},"values":[["TIME","LONG"]]}]}', 400),
        ('{"streams":[no json]}', 400),
        ("{}", 400),
    ],
)
def test_stand_in_for_loki_refuses_as_loki_does(case: Case, body: str, status: int) -> None:
    """It is a judge only if it is as strict."""
    content = body.replace("TIME", str(epoch_ns(at(now())))).replace("LONG", "x" * 262_145)
    headers = {"Content-Type": "application/json"} if status == 204 or "streams" in body else {}

    reply = httpx.post(case.intake.url + "/loki/api/v1/push", content=content, headers=headers)

    assert reply.status_code == status
