"""What one line tells."""

import json

import pytest

from extension.levels.level import Level
from extension.parsing.line import LineRules, look_at
from extension.regex.level_pattern import LevelPattern
from tests.doubles.lambda_events import FIRST, node_line, python_line

EMF = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "n"}]}, "time": 100}


@pytest.mark.parametrize(
    ("record", "request_id"),
    [
        (python_line("x"), FIRST),
        (python_line("x", level="Level 25"), FIRST),
        (node_line("x"), FIRST),
        (f"I, [2026-10-12T00:01:15.1 #8]  INFO {FIRST} -- : x", FIRST),
        ({"requestId": FIRST}, FIRST),
        ({"AWSRequestId": FIRST, "message": "java"}, FIRST),
        (json.dumps({"level": "INFO", "function_request_id": FIRST}), FIRST),
        ({"requestId": ""}, ""),
        ({"requestId": 5}, ""),
        (python_line("x", request_id=""), ""),
        (f"printed {FIRST}", ""),
        (node_line("x", request_id="undefined"), ""),
        (None, ""),
    ],
)
def test_request_id_is_read_where_the_runtime_writes_it(record: object, request_id: str) -> None:
    """An id that merely occurs in a message names no invocation."""
    assert look_at(record, rules=LineRules()).request_ids == ((request_id,) if request_id else ())


@pytest.mark.parametrize(
    ("record", "is_emf"),
    [
        (EMF, True),
        (json.dumps(EMF) + "\n", True),
        ({"_aws": "CloudWatchMetrics"}, False),
        ({"CloudWatchMetrics": []}, False),
        ("CloudWatchMetrics", False),
    ],
)
def test_metrics_are_recognised_by_their_metadata(record: object, is_emf: bool) -> None:
    """CloudWatch's embedded metric format has its definitions under ``_aws``."""
    assert look_at(record, rules=LineRules()).is_emf is is_emf


def test_pattern_is_searched_in_the_line_as_written() -> None:
    """ERROR_PATTERN sees text decoded, and objects as their JSON."""
    rules = LineRules(pattern=lambda text: 'status": 500' in text or "pay\tfailed" in text)

    assert look_at("pay\tfailed", rules=rules).failure is not None
    assert look_at({"status": 500}, rules=rules).failure is not None
    assert look_at("paid", rules=rules).failure is None
    assert look_at(None, rules=rules).failure is None


def test_a_runtimes_own_line_is_the_reason_before_its_level() -> None:
    """Where several rules apply, the one that tells most is named."""
    facts = look_at(
        "[ERROR] E: x\nTraceback (most recent call last):", rules=LineRules(pattern=lambda _: True)
    )

    assert facts.failure is not None
    assert facts.failure.reason == "python-exception"
    assert facts.level is Level.ERROR


def test_level_pattern_reads_what_no_known_form_tells() -> None:
    """LEVEL_PATTERN is asked for what remains, and ERROR_LEVEL applies to what it says."""
    rules = LineRules(level_in=LevelPattern("^shop <(?P<level>[a-z]+)>").level_in)

    asked = [look_at(text, rules=rules) for text in ("shop <error> a", "shop <info> b", "c")]
    known = look_at('{"level":"info","message":"shop <error>"}', rules=rules)

    assert [one.level for one in asked] == [Level.ERROR, Level.INFO, None]
    assert [one.failure is not None for one in asked] == [True, False, False]
    assert known.level is Level.INFO


@pytest.mark.parametrize("key", ["AWSRe.questId", "REQUEST_ID", "re-quest-id"])
def test_name_that_no_logger_writes_is_no_request_id(key: str) -> None:
    """Lines are passed by without being decoded unless they hold the letters of a name that some logger writes."""
    facts = look_at({"level": "INFO", "labels": {key: FIRST}, key: FIRST}, rules=LineRules())

    assert facts.request_ids == ()
