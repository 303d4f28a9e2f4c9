import base64
import gzip
import json

import pytest

from tests.doubles import shop_logs
from whatif.logs.envelopes import data_of, unpacked, values_in_base64
from whatif.model.events import Reading

MESSAGE = {"messageType": "DATA_MESSAGE", "logEvents": []}
DATA = shop_logs.packed(MESSAGE)


@pytest.mark.parametrize(
    "value",
    [
        {"awslogs": {"data": DATA}},
        {"kinesis": {"data": DATA, "partitionKey": "1"}, "eventSource": "aws:kinesis"},
        {"Data": DATA, "PartitionKey": "1"},
        {"recordId": "1", "data": DATA},
    ],
    ids=["Lambda", "Kinesis", "get-records", "Firehose"],
)
def test_data_is_found_in_every_envelope(value: dict[str, object]) -> None:
    """Each service hands the same data over in another form."""
    data = data_of(value)

    assert data is not None
    assert unpacked(data) == MESSAGE


@pytest.mark.parametrize(
    "value", [{}, {"data": "hello"}, {"data": 7}, {"awslogs": DATA}, {"kinesis": {"data": None}}]
)
def test_data_is_none_in_other_values(value: dict[str, object]) -> None:
    """A function's own line may have a member of that name."""
    assert data_of(value) is None


@pytest.mark.parametrize(
    "data",
    [
        "H4sI",
        "not base64 at all!",
        base64.b64encode(b"plain").decode(),
        base64.b64encode(gzip.compress(b"no JSON")).decode(),
        base64.b64encode(gzip.compress(b'{"a":' * 200_000)).decode(),
        base64.b64encode(gzip.compress(json.dumps(MESSAGE).encode())[:-20]).decode(),
    ],
    ids=["nothing", "text", "plain", "no JSON", "deep", "cut off"],
)
def test_unpacking_refuses_what_is_no_data(data: str) -> None:
    """One error for all of them, so that the reader counts the value and goes on."""
    with pytest.raises(ValueError, match=r".*"):
        unpacked(data)


def test_unpacking_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small text may unpack to gigabytes."""
    monkeypatch.setattr("whatif.logs.envelopes.MAX_DATA_BYTES", 100)

    with pytest.raises(ValueError, match=r".*"):
        unpacked(base64.b64encode(gzip.compress(json.dumps(["x"] * 1000).encode())).decode())


def test_bare_data_is_read_value_by_value() -> None:
    """The AWS command writes several on one line, with tabs between; what is none of them is counted."""
    reading = Reading("x")

    found = list(values_in_base64([f"{DATA}\t{DATA}\n", "H4sInothing\n"], reading))

    assert found == [MESSAGE, MESSAGE]
    assert reading.unreadable == 1
