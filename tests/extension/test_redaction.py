"""What is masked before a line leaves, and which lines are never recorded."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from extension.linear import Linear
from extension.presets import PRESETS
from extension.redaction import (
    MASK,
    NOTHING,
    Excluder,
    Patterns,
    Redactor,
    mask_all,
    read_patterns,
)

TIME = "2026-10-12T00:01:15.123Z"


def event(record: object) -> bytes:
    told = {"time": TIME, "type": "function", "record": record}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


def redacted(setting: str, record: object) -> Any:
    return json.loads(Redactor(read_patterns(setting)).redact(event(record)))["record"]


@pytest.mark.parametrize(
    ("record", "masked"),
    [
        ("the code is s3cr3t.", f"the code is {MASK}."),
        ("s3cr3ts3cr3t", f"{MASK}{MASK}"),
        ({"a": "s3cr3t", "n": 1}, {"a": MASK, "n": 1}),
        ({"a": {"b": ["x", "s3cr3t"]}}, {"a": {"b": ["x", MASK]}}),
        ({"s3cr3t": 1}, {MASK: 1}),
        ('{"a":"s3cr3t","b":1.50}', '{"a":"[REDACTED]","b":1.50}'),
        ({"a": '{"b":"s3cr3t"}'}, {"a": '{"b":"[REDACTED]"}'}),
        ('{"a":"s3cr\\u0033t"}', '{"a":"[REDACTED]"}'),
        ("[s3cr3t, no JSON", f"[{MASK}, no JSON"),
        ("Ümlaut s3cr3t €", f"Ümlaut {MASK} €"),
    ],
)
def test_what_matches_is_masked_wherever_it_stands(record: object, masked: object) -> None:
    """In text, in JSON lines and objects, in keys, behind escapes, in JSON within JSON; the rest stays."""
    assert redacted("s3cr3t", record) == masked


def test_numbers_are_searched_too() -> None:
    """A card number may be one; what is masked of it is a string."""
    assert redacted("card-numbers", {"card": 4111111111111111, "n": -1.5e3}) == {
        "card": "[REDACTED:card-numbers]",
        "n": -1500.0,
    }


def test_what_is_found_across_values_leaves_json_or_nothing() -> None:
    """A pattern may reach from a key to its value: the line stays JSON, or is masked as a whole."""
    within = '"user": ?"[a-z]+"'

    assert redacted(json.dumps([within]), {"user": "ann", "n": 1}) == MASK
    assert redacted("n ?: ?[0-9]+", '{"n":1}') in (MASK, '{"n":1}')


@pytest.mark.parametrize(
    "record",
    ["nothing here\n", {"level": "INFO", "a": [1, 2.50, None]}, '{"a" : 1 ,"b":"\\u00e9"}', 17],
)
def test_where_nothing_matches_a_line_stays_byte_for_byte(record: object) -> None:
    """Spaces, escapes and numbers as they were written."""
    raw = event(record)

    assert Redactor(read_patterns("s3cr3t")).redact(raw) == raw


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    )
)
def test_no_secret_leaves_and_what_leaves_is_json(record: object) -> None:
    """Whatever the record."""
    planted = [record, {"note": "it is s3cr3t"}, json.dumps({"deep": ["s3cr3t", record]})]

    for one in planted:
        out = Redactor(read_patterns("s3cr3t")).redact(event(one))
        assert json.loads(out)["time"] == TIME
        assert "s3cr3t" not in json.dumps(json.loads(out), ensure_ascii=False)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"{", b"[]", b'{"record":"s3cr3t","time":"x"}'])
def test_what_cannot_be_read_is_masked_as_a_whole(raw: bytes) -> None:
    """In doubt nothing leaves: bytes that are no UTF-8, no JSON, or no event as Lambda writes it."""
    out = Redactor(read_patterns("s3cr3t")).redact(raw)

    assert json.loads(out)["record"] == MASK
    assert b"s3cr3t" not in out


def test_an_error_of_our_own_masks_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never the other way round."""
    redactor = Redactor(read_patterns("s3cr3t"))
    monkeypatch.setattr(Linear, "spans", lambda *_: 1 / 0)

    assert json.loads(redactor.redact(event("s3cr3t")))["record"] == MASK


def test_a_search_that_takes_too_long_masks_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not known is not let through."""
    monkeypatch.setattr(Linear, "spans", lambda *_: None)

    assert redacted("s3cr3t", "anything") == MASK


@pytest.mark.parametrize("setting", ["(", '["emails", "(?=x)"]', "(a)\\1"])
def test_a_pattern_that_cannot_be_used_lets_no_line_leave_unmasked(setting: str) -> None:
    """It is said why, without the pattern; every line is masked as a whole until that is put right."""
    patterns = read_patterns(setting)

    assert len(patterns.problems) == 1
    assert setting not in patterns.problems[0]
    assert redacted(setting, {"a": "fine"}) == MASK


def test_a_masked_event_keeps_its_time_and_type() -> None:
    """It still says that there was a line, and when."""
    assert json.loads(mask_all(event("x"))) == {"time": TIME, "type": "function", "record": MASK}
    assert json.loads(mask_all(b"garbage"))["time"] == ""


@pytest.mark.parametrize(
    ("setting", "count"),
    [
        ("emails", 1),
        ("emails, card-numbers", 2),
        ("[a-z]{3}", 1),
        ("a,b", 1),
        ('["a,b", "emails"]', 2),
        ("[]", 0),
        ('["not", 1]', 1),
    ],
)
def test_a_setting_is_names_or_a_pattern_or_a_list(setting: str, count: int) -> None:
    """As people write them in an environment variable."""
    patterns = read_patterns(setting)

    assert (len(patterns.masks), patterns.problems) == (count, ())


def test_all_is_every_preset() -> None:
    """One word for everything that usually is a secret."""
    assert len(read_patterns("all").masks) == sum(len(one) for one in PRESETS.values())


# EXCLUDE ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "goes"),
    [
        ("GET /health 200\n", True),
        ("GET /orders 200\n", False),
        ({"path": "/health"}, True),
        ({"path": "/orders"}, False),
        (17, False),
    ],
)
def test_lines_in_which_it_is_found_are_excluded(record: object, goes: bool) -> None:
    """Text and objects alike, found out for a batch first."""
    excluder = Excluder(read_patterns("/health"))

    assert excluder.excludes(event(record)) is goes
    assert excluder.may_match(event(record)) is goes


def test_a_batch_without_a_candidate_is_not_taken_apart() -> None:
    """Where that cannot be told from the pattern, or the text is written otherwise in JSON, each line is looked at."""
    assert not Excluder(read_patterns("health|ping")).may_match(event("nothing"))
    assert Excluder(read_patterns("\\d")).may_match(event("nothing"))
    assert Excluder(read_patterns('a "quoted" word')).may_match(event("nothing"))
    assert Excluder(read_patterns("a&b")).may_match(event("nothing"))
    assert not Excluder(NOTHING).may_match(event("nothing"))


def test_a_pattern_that_cannot_be_used_excludes_nothing() -> None:
    """And hinders no other."""
    excluder = Excluder(read_patterns('["(", "health"]'))

    assert excluder.excludes(event("health"))
    assert not excluder.excludes(event("x"))
    assert not excluder.excludes(b"garbage")
    assert not Excluder(Patterns(problems=("x",))).may_match(event("x"))
