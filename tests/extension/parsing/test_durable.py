"""What lines of a durable function say of its execution.

``durable_lines.ndjson`` holds three lines that AWS's SDK wrote, with the program and its version: outside of a step, in a
step, and in a step that is tried again.
"""

import json
from pathlib import Path

import pytest

from extension.parsing.durable import MAX_CHARS, ExecutionFacts, execution_in
from tests.doubles.lambda_events import lines

CAPTURED = [
    json.loads(one)["text"]
    for one in (Path(__file__).parent / "durable_lines.ndjson").read_text().splitlines()
]
ARN = (
    "arn:aws:lambda:eu-west-1:123456789012:function:order:1/durable-execution/order-7/"
    "3f1c0a52-6b0b-4f0f-9a51-0c2d7f3f3f6a"
)
STEP = ExecutionFacts(ARN, "charge-card")
RETRY = ExecutionFacts(ARN, "charge-card", is_retry=True)
NOTHING = ExecutionFacts()


def found_in(*records: object) -> ExecutionFacts:
    return execution_in(lines(*records), len(records))


@pytest.mark.parametrize("as_text", [True, False], ids=["text format", "JSON format"])
@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([0], ExecutionFacts(ARN)),
        ([1], STEP),
        ([2], RETRY),
        ([0, 2, 1], RETRY),
        ([1, 0], ExecutionFacts(ARN)),
        ([], NOTHING),
    ],
)
def test_captured_lines_name_execution_operation_and_retry(
    numbers: list[int], expected: ExecutionFacts, as_text: bool
) -> None:
    """A retry anywhere counts; the operation is that of the last line, where the invocation stands."""
    records = [CAPTURED[n] if as_text else json.loads(CAPTURED[n]) for n in numbers]

    assert found_in("print\n", *records, "print\n") == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        # Java's context (SDK 1.x and 2.x), whose values are text; a layout may nest it.
        ({"durableExecutionArn": ARN, "operationName": "charge-card", "attempt": "1"}, STEP),
        ({"executionArn": ARN, "operationName": "charge-card", "attempt": "2"}, RETRY),
        (
            {"mdc": {"executionArn": ARN, "operationName": "charge-card", "attempt": "12"}},
            RETRY,
        ),
        # Not the SDK's.
        ({"attempt": 2, "message": "executionArn"}, NOTHING),
        ({"executionArn": 7, "attempt": 2}, NOTHING),
        ({"executionArn": "", "attempt": 2}, NOTHING),
        ('{"executionArn": "cut off', NOTHING),
        ({"executionArn": ARN, "operationName": 7, "attempt": [2]}, ExecutionFacts(ARN)),
        ({"executionArn": ARN, "attempt": "2nd"}, ExecutionFacts(ARN)),
        ({"executionArn": "x" * 1000}, ExecutionFacts("x" * MAX_CHARS)),
        (7, NOTHING),
    ],
)
def test_line_of_any_shape_is_read_or_passed_by(record: object, expected: ExecutionFacts) -> None:
    """An application may write the same words, and a line has any shape."""
    assert found_in(record) == expected
