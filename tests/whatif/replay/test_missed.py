import json
from pathlib import Path

import pytest

from extension import PREFIX
from tests.doubles import shop_logs
from tests.doubles.studies import MISSED, missed_events, study_missed, study_shop
from whatif.model.signs import SIGNS
from whatif.replay.grid import grid_of, read_axis
from whatif.replay.missed import (
    MAX_EXAMPLE_CHARS,
    MAX_EXAMPLES,
    Detector,
    Example,
    Found,
    Missed,
    excerpt,
)
from whatif.replay.study import Study, study_of
from whatif.replay.suggestion import suggestion_of
from whatif.replay.tally import Tally

NONE_KEPT = "SAMPLE_RATE=0"


def own_tally(study: Study) -> Tally:
    return next(t for p, t in zip(study.points, study.tallies, strict=True) if p.is_own)


def invocations_by_sign(study: Study) -> dict[str, int]:
    return {name: found.invocations for name, found in study.missed.by_sign.items()}


def test_missed_invocations_are_counted_by_sign() -> None:
    """An invocation counts for each sign that it shows, and in the total once."""
    study = study_missed(environ={f"{PREFIX}SAMPLE_RATE": "0"})

    assert invocations_by_sign(study) == {
        "level word": 2,
        "Traceback": 1,
        "Exception or Error": 1,
        "status 5xx": 1,
    }
    assert (study.missed.total.invocations, study.missed.total.let_go) == (4, 4)


def test_missed_invocations_fail_under_the_suggested_settings() -> None:
    """The user gets what the report promised: a run with the printed setting finds all of them."""
    study = study_missed(environ={f"{PREFIX}SAMPLE_RATE": "0"})
    own = next(point for point in study.points if point.is_own)
    found = [sign for sign in SIGNS if sign.name in study.missed.by_sign]

    variables = dict(suggestion_of(own, found).variables)
    again = study_missed(environ=variables)

    assert own_tally(again).failed == sum(shop_logs.FAILURES.values()) + len(MISSED)
    assert again.missed.total.invocations == 0
    assert own_tally(again).volume == study.missed.tally.volume


@pytest.mark.parametrize("rate", ["0", "10%", "50%"])
def test_price_of_missed_invocations_is_the_difference_of_two_replays(rate: str) -> None:
    """What a sign costs is not estimated: it adds up to what the suggested settings deliver more, to the byte."""
    study = study_missed(environ={f"{PREFIX}SAMPLE_RATE": rate})

    more_bytes = (
        study.missed.tally.volume.cloudwatch_bytes - own_tally(study).volume.cloudwatch_bytes
    )

    assert study.missed.total.cloudwatch_bytes == more_bytes > 0
    parts = study.missed.by_sign.values()
    twice = study.missed.by_sign["Exception or Error"].cloudwatch_bytes
    assert sum(part.cloudwatch_bytes for part in parts) - twice == more_bytes


def test_invocations_that_the_draw_keeps_are_not_let_go() -> None:
    """They count as taken for healthy: an alarm on failures would not have rung."""
    study = study_missed(environ={f"{PREFIX}SAMPLE_RATE": "1"})

    assert (study.missed.total.invocations, study.missed.total.let_go) == (4, 0)


def test_healthy_log_has_nothing_missed() -> None:
    """Its failures are all seen, whatever their lines show besides."""
    study = study_shop()

    assert study.missed.total == Found()
    assert study.missed.by_sign == {}


def test_a_later_failure_is_not_missed(tmp_path: Path) -> None:
    """A sign in an invocation that times out afterwards is delivered with it."""
    events = shop_logs.invocation(8, shop_logs.STREAMS[0], shop_logs.FIRST_MS)
    events.insert(2, shop_logs.Event(shop_logs.STREAMS[0], shop_logs.FIRST_MS + 2, MISSED[10]))
    path = tmp_path / "shop.log"
    path.write_text(shop_logs.tail(events), encoding="utf-8")

    study = study_of([str(path)], grid_of({}, [read_axis(NONE_KEPT)]))

    assert dict(own_tally(study).failures) == {"timeout": 1}
    assert study.missed.total.invocations == 0


@pytest.mark.parametrize("rate", ["0", "1"])
def test_a_long_log_of_failures_has_nothing_missed(tmp_path: Path, rate: str) -> None:
    """Both replays settle an invocation after as many others, and the comparison sees it before."""
    events = []
    for number in range(300):
        at_ms = shop_logs.FIRST_MS + number * 1000
        # Every other invocation is a retry of the fifth, which fails.
        events += shop_logs.invocation(
            5 if number % 2 else 5000 + number, shop_logs.STREAMS[0], at_ms
        )
    path = tmp_path / "shop.log"
    path.write_text(shop_logs.tail(events), encoding="utf-8")

    study = study_of([str(path)], grid_of({f"{PREFIX}SAMPLE_RATE": rate}, []))

    assert dict(own_tally(study).failures) == {"python-exception": 150}
    assert study.missed.total.invocations == 0


@pytest.mark.parametrize("level", ["OFF", "FATAL"])
def test_lines_that_error_level_lets_pass_are_missed(level: str) -> None:
    """The extension reads their level, so ERROR_LEVEL keeps them, and no pattern is needed."""
    study = study_shop(environ={f"{PREFIX}ERROR_LEVEL": level, f"{PREFIX}SAMPLE_RATE": "0"})

    assert invocations_by_sign(study) == {"a line at ERROR": 1}
    (example,) = study.missed.by_sign["a line at ERROR"].examples
    assert example.request_id == shop_logs.request_id_of(14)
    assert example.text.endswith("the warehouse says no")


def test_signs_below_error_are_told_apart(tmp_path: Path) -> None:
    """A retry at WARN shows its exception as well, and nothing failed; an example at ERROR tells more."""
    lines = {
        1: ["[WARN] attempt 1 failed: TimeoutError: no answer"],
        3: ["[WARN] attempt 1 failed: TimeoutError: no answer", "gave up: TimeoutError: no answer"],
        4: ["gave up: TimeoutError: no answer"],
    }
    events = []
    for number, texts in lines.items():
        at_ms = shop_logs.FIRST_MS + number * 1000
        one = shop_logs.invocation(number, shop_logs.STREAMS[0], at_ms)
        one[2:2] = [shop_logs.Event(shop_logs.STREAMS[0], at_ms + 1, text) for text in texts]
        events += one
    path = tmp_path / "shop.log"
    path.write_text(shop_logs.tail(events), encoding="utf-8")

    found = study_of([str(path)], grid_of({}, [])).missed.by_sign["Exception or Error"]

    assert (found.invocations, found.mild) == (3, 1)
    assert [one.text.partition(" ")[0] for one in found.examples] == ["[WARN]", "gave", "gave"]


def test_objects_of_the_json_log_format_are_searched(tmp_path: Path) -> None:
    """Lambda delivers them as objects, and ERROR_PATTERN is searched in their text."""
    request = {"requestId": shop_logs.request_id_of(1)}
    told: list[dict[str, object]] = [
        {"type": "platform.start", "record": {**request, "version": "1"}},
        {"level": "INFO", "message": "order 17 not stored: ValueError: bad price", **request},
        {"level": "INFO", "statusCode": 502, **request},
        {"type": "platform.runtimeDone", "record": {**request, "status": "success"}},
        {"type": "platform.report", "record": {**request, "status": "success", "metrics": {}}},
    ]
    events = [
        shop_logs.Event(
            shop_logs.STREAMS[0],
            shop_logs.FIRST_MS + number,
            json.dumps({"time": "2026-11-20T08:00:00.000Z", **one}, separators=(",", ":")),
        )
        for number, one in enumerate(told)
    ]
    path = tmp_path / "shop.log"
    path.write_text(shop_logs.tail(events), encoding="utf-8")

    study = study_of([str(path)], grid_of({f"{PREFIX}SAMPLE_RATE": "0"}, []))

    assert invocations_by_sign(study) == {"Exception or Error": 1, "status 5xx": 1}
    assert study.missed.total.let_go == 1


def test_examples_are_lines_of_different_invocations() -> None:
    """A reader looks them up by the request id."""
    study = study_missed()

    assert study.missed.by_sign["level word"].examples == [
        Example(shop_logs.request_id_of(number), MISSED[number]) for number in (10, 15)
    ]


def test_examples_are_bounded(tmp_path: Path) -> None:
    """A log of misses must neither fill the memory nor the report."""
    events = []
    for number in range(0, 200, 2):
        at_ms = shop_logs.FIRST_MS + number * 1000
        one = shop_logs.invocation(100 + number, shop_logs.STREAMS[0], at_ms)
        one.insert(
            2,
            shop_logs.Event(
                shop_logs.STREAMS[0], at_ms + 2, f"{'x ' * 900}- ERROR: lost {'y' * 9000}"
            ),
        )
        events += one
    path = tmp_path / "shop.log"
    path.write_text(shop_logs.tail(events), encoding="utf-8")

    found = study_of([str(path)], grid_of({}, [])).missed.by_sign["level word"]

    assert (found.invocations, len(found.examples)) == (100, MAX_EXAMPLES)
    assert all(len(one.text) <= MAX_EXAMPLE_CHARS for one in found.examples)
    assert all("ERROR: lost" in one.text for one in found.examples)


def test_examples_are_masked() -> None:
    """The report may be mailed to somebody, so REDACT holds for it as well."""
    study = study_missed(environ={f"{PREFIX}REDACT": "pay[a-z]+"})

    texts = [one.text for one in study.missed.by_sign["level word"].examples]
    assert len(texts) == 2
    assert not any("payment" in text for text in texts)
    assert all("ERROR" in text for text in texts)


def test_missed_invocations_are_the_same_in_several_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The comparison runs in the process of the user's own settings."""
    expected = study_missed().missed
    monkeypatch.setattr("whatif.replay.runner.PARALLEL_BYTES", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 3)

    found = study_missed(anew=True).missed

    assert (found.total, found.by_sign) == (expected.total, expected.by_sign)


def test_missed_adds_an_invocation_without_a_sign_to_the_total() -> None:
    """A retry in the same environment may have been settled with its first try."""
    missed = Missed()

    missed.add({}, whole=False, cloudwatch_bytes=7)

    assert (missed.total, missed.by_sign) == (Found(1, 0, 1, 7), {})


def test_detector_tells_where_a_sign_stands() -> None:
    """The example shows the line around it."""
    found = Detector(SIGNS).signs_in("order 10: ERROR payment refused")

    assert list(found) == ["level word"]
    assert found["level word"] <= len("order 10: ")


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("one\ttwo\n  three\x1b[31m\x00", 0, "one two three [31m"),
        ("größe", 0, "größe"),
        ("", 0, ""),
        ("a" * 500, 0, "a" * (MAX_EXAMPLE_CHARS - 4) + " ..."),
        ("a " * 500 + "X" + "b" * 500, 1000, "... " + "a " * 30 + "X" + "b" * 91 + " ..."),
    ],
)
def test_excerpt_is_one_line_around_the_sign(text: str, place: int, expected: str) -> None:
    """Control characters would move a terminal's cursor."""
    assert excerpt(text, place) == expected


def test_missed_events_are_those_of_the_shop() -> None:
    """Four invocations have one more line."""
    lines = [one for one in missed_events() if one.message in MISSED.values()]

    assert len(lines) == len(MISSED)
