"""The times and ids that prefixes are made of."""

import re

import pytest

from extension.levels.forms import TIME, UUID


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-28T19:52:17.123456Z",
        "2026-11-28T19:52:17+0100",
        "2026-11-28 19:52:17,123",
        "2026-11-28 19:52:17.123 +00:00",
        "2026-11-28 19:52:17.123 +00",  # LogTape, PostgreSQL
        "2026-11-28 19:52:17 UTC",
        "2026-11-28 19:52:17 CET",
        "2026/11/28 19:52:17.123456",
        "2026.11.28 19:52:17:123",
        "26/11/28 19:52:17",
        "11/28/2026 07:52:17 PM",
        "11/28/2026, 7:52:17 PM",
        "28.11.2026 19:52:17",
        "28-11-2026 19:52:17",
        "20261128 19:52:17",
        "20261128T195217",
        "28 Nov 2026 19:52:17",
        "Sat, 28 Nov 2026 19:52:17 GMT",
        "28/Nov/2026 19:52:17",
        "Nov 28 19:52:17",
        "Nov  8 19:52:17.123",
        "Sat Nov 28 19:52:17.123456 2026",
        "19:52:17.123Z",
        "7:52PM",
        "1795894337.123",
        "1795894337123",
        "1795894337123456789",
    ],
)
def test_times_of_loggers_are_recognised_whole(time: str) -> None:
    """In text, and in the bytes of a batch."""
    assert re.fullmatch(TIME, time, re.ASCII)
    assert re.fullmatch(TIME.encode(), time.encode())


@pytest.mark.parametrize(
    "text",
    [
        "2026",
        "2026-11-28",
        "19:52",
        "17 28",
        "192.168.1.1",
        "1795894337",
        "17958943371",
        "Foo 28 19:52:17",
        "29 Foo 2026 19:52:17",
        "2026-11-28 19:52:17 ERROR",
        "\u0662\u0660\u0662\u0666-\u0661\u0661-\u0662\u0668 19:52:17",
    ],
)
def test_other_numbers_are_no_time(text: str) -> None:
    """A number, an address, a month that nobody knows; digits are those of ASCII."""
    assert not re.fullmatch(TIME, text, re.ASCII)


def test_time_without_seconds_stands_only_before_a_level() -> None:
    """Kryo's minlog writes one; alone it may be a score."""
    assert re.match(TIME, "00:17 ERROR: m", re.ASCII)
    assert not re.match(TIME, "00:17 left", re.ASCII)


def test_request_ids_are_uuids_in_any_case() -> None:
    """Lambda writes them small."""
    assert re.fullmatch(UUID, "3da1f2dc-3222-475e-9205-e2e6c6318895")
    assert re.fullmatch(UUID, "3DA1F2DC-3222-475E-9205-E2E6C6318895")
    assert not re.fullmatch(UUID, "3da1f2dc3222475e9205e2e6c6318895")
    assert not re.fullmatch(UUID, "3da1f2dc-3222-475e-9205-e2e6c631889g")
