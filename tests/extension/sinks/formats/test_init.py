import pytest

from extension.sinks.formats import FORMATS, format_named

NDJSON = "application/x-ndjson"


def test_format_named_opens_every_format_of_the_table() -> None:
    """Some intakes store nothing of a body whose type is not said."""
    types = {name: format_named(name, {}).content_type for name in FORMATS}

    assert types == {
        **dict.fromkeys(FORMATS, "application/json"),
        **dict.fromkeys(("", "elasticsearch", "logzio"), NDJSON),
        **dict.fromkeys(("otlp", "otlp-json"), "application/x-protobuf"),
    }


def test_format_named_refuses_an_unknown_name() -> None:
    """Settings let no such name through, so it would be our own mistake."""
    with pytest.raises(KeyError):
        format_named("nonsense", {})
