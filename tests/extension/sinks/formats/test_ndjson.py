import json

from tests.doubles.extension.chunks import at, now
from tests.extension.sinks.formats.cases import AWKWARD, bodies, known


def test_array_holds_the_objects_of_the_lines() -> None:
    """Whoever changes between the two reads the same records, byte for byte."""
    chunks = known(at(now()))

    (ndjson,), (array,) = bodies("", chunks), bodies("json", chunks)

    assert array == b"[" + b",".join(ndjson.splitlines()) + b"]"
    assert len(json.loads(array)) == len(AWKWARD) + 4
    # A receiver may refuse a request without records, which would look like a lost batch.
    assert bodies("", []) == bodies("json", []) == bodies("otlp", []) == []
