from show.reading.ndjson import values_of


def test_what_is_no_object_is_passed_over() -> None:
    """An object may have been cut."""
    assert list(values_of(b'{"a":1}\n[1]\nno\n{"b":\n\n{"c":"\xc3\xa9"}\n')) == [
        {"a": 1},
        {"c": "\u00e9"},
    ]
