import json
from collections.abc import Callable

import pytest

from tests.doubles import shop_logs
from whatif.logs.bare_messages import is_bare_json, is_bare_text
from whatif.logs.text_logs import first_lines, form_of

START = "START RequestId: 10000000-0000-4000-8000-000000000000 Version: $LATEST"
TIME = "2026-11-20T08:00:00.000Z"
LINE = {"timestamp": TIME, "level": "INFO", "requestId": "r", "message": "hello"}
PLATFORM = {"time": TIME, "type": "platform.start", "record": {"requestId": "r"}}


def is_bare(text: str) -> bool:
    form = form_of(text)
    return is_bare_text(first_lines(text), form.begin if form is not None else None)


def test_lambdas_lines_without_times_are_bare() -> None:
    """Firehose's message extraction leaves the messages alone, whatever the function writes between."""
    shop = shop_logs.shop()

    assert is_bare(shop_logs.extracted(shop))
    # Lambda's own line about a timeout begins like an event of an export.
    assert is_bare(f"{START}\n{TIME} 10000000 Task timed out after 3.00 seconds\n")


@pytest.mark.parametrize("write", [shop_logs.tail, shop_logs.tail_short, shop_logs.sam])
def test_lines_with_times_are_not_bare(write: Callable[[list[shop_logs.Event]], str]) -> None:
    """A function may print Lambda's lines of another one."""
    shop = shop_logs.shop()
    printed = shop_logs.Event(shop_logs.STREAMS[0], shop_logs.FIRST_MS, f"it said\n{START}")

    assert not is_bare(write(shop))
    assert not is_bare(write([*shop[:3], printed]))
    assert not is_bare("hello\n")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([LINE], True),
        ([PLATFORM, LINE], True),
        ([PLATFORM, {"order": 17}], True),
        ([PLATFORM, {"time": TIME, "type": "function", "record": LINE}], False),
        ([PLATFORM], False),
        ([{"timestamp": 1_795_161_600_000, "message": "hello"}], False),
        ([{"@timestamp": TIME, "@message": "hello", "level": "INFO"}], False),
        ([{"messageType": "DATA_MESSAGE", "logEvents": []}], False),
    ],
)
def test_lines_of_the_json_format_are_bare(
    values: list[dict[str, object]], *, expected: bool
) -> None:
    """Only CloudWatch's own events have their times as numbers; captures have the function's lines in events."""
    lines = "".join(f"{json.dumps(one)}\n" for one in values)

    assert is_bare_json(lines) is expected
    assert is_bare_json(lines.replace("\n", "")) is expected


def test_other_json_is_not_bare() -> None:
    """Nothing raises, and nothing is refused by mistake."""
    for text in ("", "{", "[]", '{"a":' * 100_000, json.dumps(LINE, indent=4)):
        assert not is_bare_json(text)
