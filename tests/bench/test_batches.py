import json

import pytest

from bench import batches

ID = batches.request_id(7)


@pytest.mark.parametrize("form", list(batches.FORMS))
def test_lines_have_the_size_asked_for(form: str) -> None:
    """The cost of a line depends on its size; no two are alike."""
    events = batches.lines(form, count=3, line_bytes=200, identifier=ID)

    records = [json.loads(event)["record"] for event in events]
    texts = [
        each if isinstance(each, str) else json.dumps(each, separators=(",", ":"))
        for each in records
    ]
    assert [len(text) for text in texts] == [200] * 3
    assert len(set(texts)) == 3


def test_bodies_keep_to_the_subscription() -> None:
    """Nothing is lost or moved."""
    small = batches.lines("print", count=2500, line_bytes=20, identifier=ID)
    large = batches.lines("print", count=500, line_bytes=2000, identifier=ID)

    bodies = batches.bodies(small + large)

    assert all(len(json.loads(body)) <= batches.MAX_RECORDS for body in bodies)
    assert all(len(body) <= batches.MAX_BYTES + 1 for body in bodies)
    assert [event for body in bodies for event in json.loads(body)] == [
        json.loads(event) for event in small + large
    ]


def test_invocation_is_one_body_in_lambdas_order() -> None:
    """A failed one has its error line before its end."""
    events = json.loads(batches.invocation(7, line_count=3, failed=True))

    assert [event["type"] for event in events] == [
        "platform.report",
        "platform.start",
        "function",
        "function",
        "function",
        "platform.runtimeDone",
    ]
    assert events[-2]["record"].startswith("[ERROR]")
    assert events[1]["record"]["requestId"] == ID


def test_events_are_compact() -> None:
    """Lambda's encoder writes no blanks."""
    assert batches.body([batches.start(ID)]).startswith(
        b'[{"time":"2026-11-24T12:00:00.000Z","type":"platform.start","record":{"requestId":"'
    )
