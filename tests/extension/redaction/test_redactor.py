"""What is masked before a line leaves, and which lines are never recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from extension.redaction.exclusion import Excluder
from extension.redaction.patterns import MASK, PRESETS, Patterns, read_exclusions, read_patterns
from extension.redaction.prefilter import Prefilter
from extension.redaction.redactor import Redactor, mask_all
from extension.regex.pattern import Pattern
from tests.doubles.lambda_events import TIME, compact, line


def event(record: object) -> bytes:
    return compact(line(record))


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
        ('{"a":"{\\"b\\":\\"s3cr3t\\"}"}', '{"a":"{\\"b\\":\\"[REDACTED]\\"}"}'),
        ([["s3cr3t"], "s3cr3t"], [[MASK], MASK]),
    ],
)
def test_redactor_masks_matches_in_keys_and_values(record: object, masked: object) -> None:
    """In text, in JSON lines and objects, in keys, behind escapes, in JSON within JSON; the rest stays."""
    assert redacted("s3cr3t", record) == masked


def test_redactor_masks_overlapping_matches_once() -> None:
    """Where they overlap, all of it."""
    setting = json.dumps(["ab+", "bc+", "Z"])

    assert redacted(setting, "x abbcc Z") == f"x {MASK} {MASK}"
    assert redacted(setting, {"a": "abbcc"}) == {"a": MASK}


def test_many_matches_across_many_values_are_each_looked_at_once() -> None:
    """A long line of them takes no longer for each."""
    record = {"a": "1-" * 40_000, "b": [f"{n}" for n in range(5_000)]}

    masked = redacted('"(?:(?P<secret>1)-)+","', record)
    others = redacted('[0-9]","', record)

    assert masked["a"] == f"{MASK}-" * 40_000
    assert others["b"][:2] == [MASK, MASK]


def test_numbers_are_searched_too() -> None:
    """A card number may be one; what is masked of it is a string."""
    masked = {"card": "[REDACTED:card-numbers]", "n": -1500.0}
    assert redacted("card-numbers", {"card": 4111111111111111, "n": -1.5e3}) == masked


@pytest.mark.parametrize(
    ("pattern", "record", "masked"),
    [
        ('"user": ?"[a-z]+"', {"user": "ann", "n": 1}, {MASK: MASK, "n": 1}),
        ('"user": ?"(?P<secret>[a-z]+)"', {"user": "ann", "n": 1}, {"user": MASK, "n": 1}),
        ('"pin": ?(?P<secret>[0-9]+)', '{"pin": 12, "n": 1}', '{"pin": "[REDACTED]", "n": 1}'),
        ("password=\\S+", {"note": "password=x", "n": "y"}, {"note": MASK, "n": "y"}),
        ("password=(?P<secret>\\S+)", {"a": "password=x", "n": "y"}, {"a": f"password={MASK}", "n": "y"}),
        ("nbo[b]", {"a": "\nbob"}, {"a": "\nbob"}),
        ('a":"(?P<secret>x..)', '{"a":"x\\u00e9\\"y"}', '{"a":"[REDACTED]\\"y"}'),
        ('1}.*"a":.', {"m": '{"x":1}', "a": "b"}, {"m": '{"x":[REDACTED]', MASK: "b"}),
    ],
)  # fmt: skip
def test_redactor_leaves_json_when_a_match_spans_values(
    pattern: str, record: object, masked: object
) -> None:
    """A pattern may reach from a key to its value: what of them is found is masked, and no quotes or commas."""
    assert redacted(pattern, record) == masked


def test_all_but_what_is_masked_stays_byte_for_byte() -> None:
    """Escapes, spaces and numbers, in front of it and behind it, in the very string too."""
    raw = (
        rb'{"time":"T","type":"function","record":{ "a" :"\u00e9\/ s3cr3t \ud83d\ude00\u003c" ,"n":1.50e1,'
        rb'"t":"{ \"k\" : \"\\u00e9 s3c\u00723t \\\" \" }"} }'
    )

    assert Redactor(read_patterns("s3cr3t")).redact(raw) == raw.replace(
        b"s3cr3t", MASK.encode()
    ).replace(rb"s3c\u00723t", MASK.encode())


@pytest.mark.parametrize(
    "record",
    ["nothing here\n", {"level": "INFO", "a": [1, 2.50, None]}, '{"a" : 1 ,"b":"\\u00e9"}', 17],
)
def test_redactor_leaves_a_line_without_matches_byte_for_byte(record: object) -> None:
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


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe", b"{", b"[]", b'{"record":"s3cr3t","time":"x"}', b'{"record":NaN}']
)
def test_redactor_masks_an_unreadable_event_whole(raw: bytes) -> None:
    """In doubt nothing leaves: bytes that are no UTF-8, no JSON, or no event as Lambda writes it."""
    out = Redactor(read_patterns("s3cr3t")).redact(raw)

    assert json.loads(out)["record"] == MASK
    assert b"s3cr3t" not in out


def test_an_error_of_our_own_masks_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never the other way round."""
    redactor = Redactor(read_patterns("s3cr3t"))
    monkeypatch.setattr(Pattern, "matches", lambda *_: 1 / 0)

    assert json.loads(redactor.redact(event("s3cr3t")))["record"] == MASK


@pytest.mark.parametrize(
    "setting", ["(", '["emails", "(?=x)"]', "(a)\\1", "emails, aws-kyes", "hunter", "all-of-it"]
)
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
        *(("emails", 1), ("emails, card-numbers", 2), ("email,card-number", 2), ("[a-z]{3}", 1)),
        *(("(a,b)", 1), ("A,b", 1), ('["A,b", "emails, card-numbers"]', 3), ("[]", 0)),
        ('["not", 1]', 1),
    ],
)
def test_a_setting_is_names_or_a_pattern_or_a_list(setting: str, count: int) -> None:
    """As people write them in an environment variable."""
    patterns = read_patterns(setting)

    assert (len(patterns.masks) + len(patterns.presets), patterns.problems) == (count, ())


def test_all_is_every_preset() -> None:
    """One word for everything that usually is a secret."""
    assert read_patterns("all").presets == PRESETS


@pytest.mark.parametrize(
    ("setting", "raw", "may"),
    [
        ("s3cr3t|pin", b'{"record":"nothing \\u003c of \\u001b the kind"}', False),
        ("s3cr3t", b'{"record":"a s3cr3t"}', True),
        ("s3cr3t", b'{"record":"a s3cr\\u0033t"}', True),
        ("s3cr3t", b'{"record":"{\\"a\\":\\"s3cr\\\\u0033t\\"}"}', True),
        ("(?i)s3cr3t", b'{"record":"S3CR3T"}', True),
        ("(?i)s3cr3t", b'{"record":"nothing"}', False),
        ("(?i)s3cr3t", '{"record":"\u017f3cr3t"}'.encode(), True),
        ("(?i)s3cr3t", b'{"record":"\\u017f3cr3t"}', True),
        ('a"bcd', b'{"record":"bcd"}', True),
        ('a"bcd', b'{"record":"a\\"b"}', False),
        ("é", b'{"record":"nothing"}', True),
        ("\\d", b'{"record":"nothing"}', True),
        ("card-numbers", b'{"record":"at 2026-11-24T12:00:00, 8286a188-ba32-4475-8077-530cd35c09a9"}', False),
        ("card-numbers", b'{"record":"\\n4111111111111111"}', True),
        ("card-numbers", b'{"record":"\\u001b4111111111111111"}', True),
        ("card-numbers", b'{"record":4111111111111111}', True),
        ("all", b'{"record":"GET https://example.com/x took 12 ms"}', False),
    ],
)  # fmt: skip
def test_prefilter_skips_bytes_that_cannot_hold_a_match(
    setting: str, raw: bytes, may: bool
) -> None:
    """Of a line or a whole batch; escapes and letters that are others but for their case are thought of."""
    patterns = read_patterns(setting)

    assert any(Prefilter(patterns.masks, frozenset(patterns.presets)).searches(raw)) is may


@given(
    st.sampled_from(["s3cr3t", "(?i)pass", "(?i)k", 'a"b', "x/y", "1<2|7&8", "é", "[0-9]x"]),
    st.text("s3cr3tPAS\u017fk\u212aabxy/<>&\\é1278 \n" + '"', max_size=20),
    st.booleans(),
)
def test_the_bytes_never_hide_a_match(pattern: str, text: str, as_ascii: bool) -> None:
    """However the text is written in JSON, as a line or within one."""
    for record in (text, json.dumps({"a": text}, ensure_ascii=as_ascii), {"a": [text]}):
        raw = json.dumps({"record": record}, ensure_ascii=as_ascii).encode()

        if Pattern(pattern).search(text):
            assert Prefilter(read_exclusions(pattern).masks).may_hold(raw)


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
    excluder = Excluder(read_exclusions("/health"))

    assert excluder.excludes(event(record)) is goes
    assert excluder.may_match(event(record)) is goes


def test_a_batch_without_a_candidate_is_not_taken_apart() -> None:
    """Where that cannot be told from the pattern, or the text is written otherwise in JSON, each line is looked at."""
    assert not Excluder(read_exclusions("health|ping")).may_match(event("nothing"))
    assert Excluder(read_exclusions("\\d")).may_match(event("nothing"))
    assert not Excluder(read_exclusions('a "quoted" word')).may_match(event("nothing"))
    assert Excluder(read_exclusions('a "quoted" word')).may_match(event('a "quoted" word'))
    assert Excluder(read_exclusions("<&>")).may_match(event("nothing"))
    assert not Excluder(Patterns()).may_match(event("nothing"))


def test_a_pattern_that_cannot_be_used_excludes_nothing() -> None:
    """And hinders no other."""
    excluder = Excluder(read_exclusions('["(", "health"]'))

    assert excluder.excludes(event("health"))
    assert not excluder.excludes(event("x"))
    assert not excluder.excludes(b"garbage")
    assert not Excluder(Patterns(problems=("x",))).may_match(event("x"))


def test_many_lines_are_masked_as_each_alone() -> None:
    """What is looked for in all at once is found in every line, also on both sides of a line's end."""
    path = Path(__file__).resolve().parents[2] / "data" / "secret-lines.ndjson"
    rows = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    events = [event(row["record"]) for row in rows]
    events += [event(record) for record in ("plain", "token=\u00e9", {"a": 1}, 'x "pass', "word=x")]
    odd = [
        b'{ "time":"","type":"function","record":"password=x"}',
        b'{"time":"","record":"\\u0061b"}',
    ]
    for setting in ("all", "emails", '["all", "sent"]', '["(?i)x{2,}|o$"]'):
        redactor = Redactor(read_patterns(setting))
        for some in (events, events[::-1], odd + events[:9], events[-5:], []):
            assert redactor.redact_all(some) == [redactor.redact(one) for one in some]


def test_many_lines_are_masked_whole_by_a_pattern_that_cannot_be_used() -> None:
    """As one is."""
    redactor = Redactor(read_patterns("(?=x)"))

    masked = redactor.redact_all([event("a"), event("b")])

    assert [json.loads(one)["record"] for one in masked] == [MASK, MASK]
