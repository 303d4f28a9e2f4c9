"""Which lines hold metrics.

``metrics.ndjson`` has what the libraries wrote in the local Lambda, with their versions and those of the runtime's client.
``metrics`` tells what CloudWatch makes of a line: ``taken``; ``none``, because there is no JSON; ``perhaps``, because AWS does
not say; ``words``, because words stand before the object, of which AWS says nothing either.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from extension.levels.metrics import holds_metrics
from extension.parsing.batch import Line
from extension.parsing.line import LineRules
from tests.doubles.lambda_events import FIRST, TIME, batch, line, node_line, python_line
from tests.extension.parsing.lines import read_all

CAPTURED: list[dict[str, Any]] = [
    json.loads(one) for one in (Path(__file__).parent / "metrics.ndjson").read_text().splitlines()
]
EMF = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "n"}]}, "time": 100}
TEXT = json.dumps(EMF)
VERSION_0 = {"Version": "0", "CloudWatchMetrics": [{"Namespace": "n"}], "Timestamp": "1", "time": 5}


def kept_in_batches(record: object) -> bool:
    """Tell whether a batch gives a line out as one with metrics: alone, and among plain lines of every kind."""
    plain = ("plain", node_line("said"), node_line("{x}"), python_line("said"), '{"level":"INFO"}')
    batches = [[record], *([one, record, one] for one in plain), [{"level": "INFO"}, record]]
    found = set()
    for records in batches:
        body = batch(map(line, records))
        items = read_all(body, rules=LineRules(), open_id=FIRST.encode())
        found.add(any(isinstance(item, Line) and item.facts.is_emf for item in items))
    (answer,) = found
    return answer


@pytest.mark.parametrize(
    "row", CAPTURED, ids=lambda row: f"{row['library']}, {row['format']}, {row['api']}"
)
def test_what_libraries_write_is_never_passed_by(row: dict[str, Any]) -> None:
    """Bare, behind a runtime's prefix, and as an object; where AWS does not say, a line is rather kept."""
    expected = row["metrics"] in ("taken", "perhaps")

    assert holds_metrics(row["record"]) is expected
    assert kept_in_batches(row["record"]) is expected


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(EMF, id="object"),
        pytest.param(TEXT + "\n", id="text"),
        pytest.param(f"\ufeff \n{TEXT} \r\n", id="white space around"),
        pytest.param(json.dumps(EMF, indent=2), id="several lines"),
        pytest.param(f"{TEXT}\n{TEXT}\n", id="two objects"),
        pytest.param(f"{TEXT}\n" * 40, id="many objects"),
        pytest.param(f'{{"level":"INFO"}}\n{TEXT}\n', id="behind another object"),
        pytest.param(node_line(TEXT), id="behind Node.js's prefix"),
        pytest.param(node_line(f"\n{json.dumps(EMF, indent=4)}"), id="several lines behind it"),
        pytest.param(node_line(TEXT, request_id="undefined"), id="in Node.js's init"),
        pytest.param(node_line(TEXT, level="info"), id="behind .NET's prefix"),
        pytest.param(f"{TIME}\t\tinfo\t{TEXT}\n", id="in .NET's init"),
        pytest.param(f"\x1b[32m{TIME}\x1b[0m\t{FIRST}\tINFO\t{TEXT}", id="coloured"),
        pytest.param(python_line(TEXT), id="behind Python's prefix"),
        pytest.param(f"2026/11/29 03:02:12 {TEXT}\n", id="behind a logger's time"),
        pytest.param({"level": "INFO", "message": TEXT, "time": TIME}, id="in Lambda's message"),
        pytest.param(VERSION_0, id="version 0"),
        pytest.param(node_line(json.dumps(VERSION_0)), id="version 0 behind a prefix"),
        pytest.param({"level": "INFO", "message": "m", **VERSION_0}, id="version 0 with a level"),
        pytest.param({"level": "INFO", "message": "m", **EMF}, id="with a level"),
    ],
)
def test_metrics_are_found_wherever_they_stand(record: object) -> None:
    """A line that is kept in vain costs its bytes. One that is not costs a metric."""
    assert holds_metrics(record)
    assert kept_in_batches(record)


@pytest.mark.parametrize(
    "record",
    [
        {"_aws": "CloudWatchMetrics"},
        {"_aws": {"Timestamp": 1}},
        {"CloudWatchMetrics": []},
        {"CloudWatchMetrics": "off"},
        "CloudWatchMetrics",
        'CloudWatchMetrics {"_aws": {"Timestamp": 1}}',
        'CloudWatchMetrics {"_aws": {"CloudWatchMetrics',
        '{"a": ' * 5000 + "CloudWatchMetrics",
        node_line("CloudWatchMetrics is a member"),
        7,
        None,
        [EMF],
    ],
    ids=lambda record: str(record)[:50],
)
def test_what_only_speaks_of_metrics_holds_none(record: object) -> None:
    """The definitions are a member of ``_aws``, or in version 0 a list at the root, of a whole JSON object."""
    assert not holds_metrics(record)
    assert not kept_in_batches(record)
