import contextlib
import gzip
import http.client
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from emulator.demo import __main__ as demo, money, run
from emulator.demo.check import Row, account_total, faults, faults_of
from emulator.demo.plan import (
    CASES,
    FUNCTIONS,
    MARKER,
    SAMPLE_RATE,
    Planned,
    is_sampled,
    plan_of,
    settings_of,
)
from emulator.demo.receiver import Receiver, Record
from emulator.machine.frames import Line
from terminal.layout import WIDTH, Column, fit, paragraph, row_text, side_by_side, table
from terminal.paint import Paint

ROOT = Path(__file__).resolve().parents[2]
SAMPLED = "1-6744a800-0123456789ffffffffffffff"
UNSAMPLED = "1-6744a800-012345678900000000000000"


def make_record(text: str, number: int, **more: Any) -> Record:
    fields = {"type": "function", "record": text, "requestId": "r-1", "id": f"e-{number}", **more}
    return Record(fields, len(json.dumps(fields)))


def make_row(
    *,
    mishap: str = "hang",
    trace_id: str = UNSAMPLED,
    outcome: str | None = None,
    written: Iterable[str] = ("a\n", "b\n"),
    kept: Iterable[str] = ("a\n", "b\n"),
    reason: str | None = None,
    weight: float | None = None,
) -> Row:
    planned = Planned(5, mishap, trace_id)
    told = planned.case.rule or ("timeout" if planned.fate == "failed" else "sampled")
    return Row(
        function="orders",
        planned=planned,
        request_id="r-1",
        outcome=outcome or CASES[mishap].outcome,
        written=tuple(written),
        delivered=tuple(
            make_record(text, number, reason=reason or told, weight=weight or planned.weight)
            for number, text in enumerate(kept)
        ),
        cloudwatch_bytes=200,
        held_ms=None,
    )


class TestPlan:
    def test_every_function_has_one_sampled_invocation_and_it_is_a_healthy_one(self) -> None:
        """The output shows what sampling keeps, in the quick form too, and always the same."""
        for function in FUNCTIONS.values():
            for quick in (False, True):
                sampled = [one for one in plan_of(function, quick=quick) if one.sampled]

                assert [one.fate for one in sampled] == ["sampled"]

    def test_the_day_has_about_forty_invocations_and_most_go_well(self) -> None:
        """The mix is that of a shop, if one with a bad day."""
        day = [one for function in FUNCTIONS.values() for one in plan_of(function)]

        assert 35 <= len(day) <= 45
        assert sum(one.case.healthy for one in day) > len(day) / 2

    def test_the_quick_form_keeps_each_case_of_the_whole(self) -> None:
        """Fewer invocations, not fewer kinds."""
        for function in FUNCTIONS.values():
            quick = plan_of(function, quick=True)

            assert {one.mishap for one in quick} == set(function.mishaps)
            assert len(quick) < len(function.mishaps)

    def test_every_function_writes_the_marker_where_the_event_asks_for_it_and_is_slow_once(
        self,
    ) -> None:
        """Two rules for healthy invocations, each shown by each function with the setting that it needs."""
        assert settings_of("http://sink/")["FLIGHT_RECORDER_KEEP_MARKER"] == MARKER
        for function in FUNCTIONS.values():
            rules = [one.case.rule for one in plan_of(function) if one.fate == "by rule"]
            texts = [file.read_text() for file in function.code.iterdir() if file.is_file()]

            assert sorted(rules) == ["marker", "slow"]
            assert sum(text.count(MARKER) for text in texts) == 1

    def test_what_a_rule_keeps_stands_for_itself_whatever_the_draw(self) -> None:
        """Failures and rules come before the draw; only what is drawn stands for more than itself."""
        planned = [
            Planned(1, mishap, trace_id)
            for mishap in ("hang", "slow", "fine")
            for trace_id in (SAMPLED, UNSAMPLED)
        ]

        assert [(one.fate, one.weight) for one in planned] == [
            ("failed", 1.0),
            ("failed", 1.0),
            ("by rule", 1.0),
            ("by rule", 1.0),
            ("sampled", 10.0),
            ("let go", 1.0),
        ]

    def test_the_sampled_are_those_the_extension_samples(self) -> None:
        """Worked out twice, from one specification."""
        from extension.sampling import probability

        ids = [one.trace_id for function in FUNCTIONS.values() for one in plan_of(function)]

        for trace_id in ids:
            randomness = probability.randomness_of(trace_id=trace_id, request_id="")
            expected = probability.keeps(randomness, rate=SAMPLE_RATE)

            assert is_sampled(trace_id, rate=SAMPLE_RATE) == expected


class TestCheck:
    @pytest.mark.parametrize(
        "row",
        [
            make_row(),
            make_row(mishap="fine", kept=()),
            make_row(mishap="fine", trace_id=SAMPLED),
            make_row(mishap="slow"),
            make_row(mishap="asked", trace_id=SAMPLED),
        ],
        ids=["failed", "healthy and gone", "sampled", "kept by a rule", "by a rule, not the draw"],
    )
    def test_what_is_as_it_must_be_has_no_fault(self, row: Row) -> None:
        """Failed, kept by a rule or sampled: all lines; else none."""
        assert faults_of(row) == []

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            (make_row(kept=("a\n",)), "2 lines written, 1 kept; the first that is missing: 'b\\n'"),
            (make_row(kept=()), "2 lines written, 0 kept; the first that is missing: 'a\\n'"),
            (make_row(kept=("b\n", "a\n")), "line 1 was 'a\\n' and arrived as 'b\\n'"),
            (make_row(kept=("a\n", "b\n", "b\n")), "the first that is too many: 'b\\n'"),
            (make_row(kept=("a", "b\n")), "line 1 was 'a\\n' and arrived as 'a'"),
            (make_row(mishap="fine"), "of no rule and not sampled, yet 2 records"),
            (make_row(mishap="fine", trace_id=SAMPLED, kept=()), "2 lines written, 0 kept"),
            (make_row(mishap="slow", kept=()), "2 lines written, 0 kept"),
            (make_row(mishap="slow", reason="sampled"), "says sampled, for 1.0; it must say slow"),
            (make_row(mishap="asked", weight=10.0), "says marker, for 10.0; it must say marker"),
            (make_row(weight=10.0), "says timeout, for 10.0; it must say timeout, for 1."),
            (make_row(mishap="fine", trace_id=SAMPLED, weight=1.0), "must say sampled, for 10."),
            (make_row(outcome="success"), "expected timeout, it ended as success"),
            (make_row(written=(), kept=()), "wrote no line"),
        ],
        ids=[
            "a line is missing",
            "nothing arrived",
            "the order differs",
            "a line came twice",
            "a byte is missing",
            "a healthy one was kept",
            "a sampled one was not kept",
            "what a rule speaks for was not kept",
            "another reason than the rule's",
            "what a rule kept has a weight",
            "a failed one has a weight",
            "a sampled one stands for itself",
            "it ended otherwise",
            "there was nothing to check",
        ],
    )
    def test_each_kind_of_fault_is_told(self, row: Row, words: str) -> None:
        """One sentence, with the invocation's name and what differs."""
        (fault,) = faults_of(row)

        assert fault.startswith("orders #5 ")
        assert words in fault

    def test_faults_of_the_whole_delivery_are_told(self) -> None:
        """A record id that comes twice, a record of nobody, a body that could not be read, a wrong account."""
        row = make_row()
        stray = make_record("x", 1, requestId="r-9")
        account: dict[str, object] = {"received_lines": 2, "kept_lines": {"timeout": 1}}

        found = faults(
            [row], [*row.delivered, stray], refused=["a body of 3 bytes: no"], accounts=[account]
        )

        assert [fault.split(":")[0] for fault in found] == [
            "The sink got a record of no known invocation",
            "The record with the id e-1 came 2 times.",
            "The sink could not read a body of 3 bytes",
            "The extension's account says kept_lines 1, and 2 were seen.",
        ]

    def test_accounts_are_added_up(self) -> None:
        """Plain counters and counters by reason, over all extension processes."""
        accounts: list[dict[str, object]] = [{"n": 1}, {"n": {"a": 2, "b": 3}}, {}]

        assert account_total(accounts, "n") == 6


class TestMoney:
    def test_a_million_invocations_of_a_kilobyte_cost_half_a_dollar(self) -> None:
        """0.50 USD per GB of 10^9 bytes."""
        assert money.ingestion_usd(10**6 * 1000) == pytest.approx(0.50)

    def test_waiting_is_charged_by_time_and_memory(self) -> None:
        """A million times 25 ms at 1,024 MB are 25,000 GB-seconds."""
        assert money.hold_usd(held_ms=25, memory_mb=1024) == pytest.approx(0.4167, abs=1e-4)

    def test_kept_records_count_as_cloudwatch_counts(self) -> None:
        """Each with 26 bytes more."""
        row = make_row()

        assert money.kept_bytes(row) == row.delivered_bytes + 2 * 26

    def test_another_share_of_failures_is_worked_out_from_those_seen(self) -> None:
        """Failed ones and those of a rule as they are, the others at the rate."""
        mixed = money.blend(
            certain=money.Volume(2, 2_000, 6_000),
            drawn=money.Volume(10, 5_000, 1_000),
            sampled=money.Volume(1, 500, 1_000),
            share=0.01,
            rate=0.1,
        )

        assert mixed.written_bytes == pytest.approx(10**6 * (0.01 * 1000 + 0.99 * 500))
        assert mixed.kept_bytes == pytest.approx(10**6 * (0.01 * 3000 + 0.99 * 0.1 * 1000))


class TestTable:
    COLUMNS = (Column("name", 6), Column("n", 3, right=True))

    def test_numbers_are_set_right_and_long_text_is_shortened(self) -> None:
        """A cell never breaks its column."""
        assert row_text(self.COLUMNS, ["abcdefgh", 7]) == "abc...    7"

    def test_groups_are_set_apart(self) -> None:
        """Titles, a rule, and an empty line between groups only."""
        assert table(self.COLUMNS, [[["a", 1]], [["b", 2]]]) == [
            "name      n",
            "------  ---",
            "a         1",
            "",
            "b         2",
        ]

    def test_text_is_shown_in_ascii_on_one_line(self) -> None:
        """Whatever a log line holds."""
        assert fit("caf\u00e9\tau\nlait\n", 20) == "caf? au lait"

    def test_paragraphs_and_sides_keep_to_the_width(self) -> None:
        """Long words too."""
        words = " ".join(["word"] * 60) + " " + "x" * 250

        lines = [*paragraph(words, indent="  "), *side_by_side([words], [words], left_width=60)]

        assert max(map(len, lines)) <= WIDTH

    def test_the_shorter_side_is_filled_up(self) -> None:
        """Both stand from the top."""
        assert side_by_side(["a", "b"], ["c"], left_width=3) == ["a   | c", "b   |"]

    def test_colour_is_left_out_where_it_is_not_wanted(self) -> None:
        """Plain text for files and pipes."""
        assert Paint(enabled=False)("a", "red") == "a"
        assert Paint(enabled=True)("a", "red") == "\x1b[31ma\x1b[0m"


def test_lines_outside_invocations_belong_to_the_next_one() -> None:
    """An init's lines go with the first invocation of its environment."""
    lines = [
        Line(name, text, "stdout", 0) for name, text in ((None, "i"), ("r-1", "a"), ("r-2", "b"))
    ]

    found = run.by_invocation(lines)

    assert {name: [line.text for line in own] for name, own in found.items()} == {
        "r-1": ["i", "a"],
        "r-2": ["b"],
    }


def test_what_is_missing_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Node.js, or without curl, runs the rest."""
    monkeypatch.setenv("PATH", "/nonexistent")

    without_node = run.missing_for(FUNCTIONS["nodejs"], say=print)
    without_curl = run.missing_for(FUNCTIONS["bash"], say=print)

    assert without_node is not None
    assert "Node.js is not on PATH" in without_node
    assert without_curl == "not installed: bash, curl"


def post(url: str, body: bytes, encoding: str) -> int:
    address = url.removeprefix("http://").rstrip("/")
    with contextlib.closing(http.client.HTTPConnection(address, timeout=5)) as connection:
        connection.request("POST", "/", body, {"Content-Encoding": encoding})
        return connection.getresponse().status


def test_the_sink_takes_gzipped_records_and_refuses_anything_else() -> None:
    """It counts what came over the wire and remembers what it could not read."""
    body = gzip.compress(
        b'{"type":"function","record":"a","requestId":"r-1"}\n{"requestId":"r-2"}\n'
    )

    with Receiver() as sink:
        statuses = [
            post(sink.url, body, "gzip"),
            post(sink.url, b"no", "gzip"),
            post(sink.url, b"[]", ""),
        ]

        assert statuses == [200, 400, 400]
        assert [(r.is_line, r.size_bytes) for r in sink.of("r-1")] == [(True, 50)]
        assert len(sink.records) == 2
        assert len(sink.refused) == 2
        assert sink.wire_bytes == len(body)


def test_a_layer_that_is_not_there_is_told_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and the command that makes it."""
    code = demo.main(["--layer", str(tmp_path / "none.zip")])

    assert code == 2
    assert "./build.sh layer" in capsys.readouterr().err


@pytest.mark.end_to_end
@pytest.mark.timeout(180)
def test_the_quick_demo_keeps_what_failed_and_says_so(layer_zip: Path) -> None:
    """All of it with the built layer and the real Python client: each way to fail is kept whole, one is sampled."""
    command = [
        sys.executable,
        "-m",
        "emulator.demo",
        "--layer",
        str(layer_zip),
        "--functions",
        "python",
    ]

    done = subprocess.run(
        [*command, "--quick"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=170
    )

    assert done.returncode == 0, done.stdout + done.stderr
    live = done.stdout.partition("As it happens")[2].partition("By function")[0]
    shown = [line.split() for line in live.splitlines() if line.startswith("orders")]
    assert len(shown) == len(plan_of(FUNCTIONS["python"], quick=True))
    assert sum("sampled, for 10" in " ".join(words) for words in shown) == 1
    assert sum("not sampled" in " ".join(words) for words in shown) == 1
    for reason in ("python-exception", "level-error", "timeout", "slow", "marker"):
        assert [words[-1] for words in shown].count(reason) == 1
    for word in (
        "Checked, line by line",
        "The buffer",
        "USD for a million",
        "./build.sh publish",
    ):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= WIDTH
    assert "\x1b" not in done.stdout
    assert done.stdout.isascii()


@pytest.mark.end_to_end
@pytest.mark.timeout(180)
def test_the_demo_fails_when_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a layer that holds no extension its own check finds every invocation that should have been kept."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(run, "ARRIVAL_S", 0.05)

    code = demo.main(["--layer", str(tmp_path / "empty"), "--functions", "python", "--quick"])

    output = capsys.readouterr().out
    assert code == 1
    assert "CHECK FAILED" in output
    for mishap in set(FUNCTIONS["python"].mishaps) - {"fine"}:
        assert CASES[mishap].what in output.partition("CHECK FAILED")[2]
