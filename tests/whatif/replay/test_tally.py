import json
from collections.abc import Callable
from random import Random

import pytest

from extension.model.chunk import Chunk, Metadata
from extension.model.segment import Kind, Segment
from extension.redaction.patterns import MASK, read_patterns
from extension.redaction.redactor import Redactor
from extension.sampling import probability
from whatif.replay.tally import MAX_INCOMPLETE, Followed, Tally
from whatif.report.view import NORMAL_95

TIME = "2026-11-20T08:00:00.000Z"


def metadata(request_id: str, reason: str = "sampled", weight: float = 10.0) -> Metadata:
    return Metadata(request_id, "", "shop", "7", "e", reason, weight, failed=reason == "timeout")


def lines(count: int, first_number: int = 0, text: str = "hello") -> Segment:
    event = json.dumps({"time": TIME, "type": "function", "record": text}, separators=(",", ":"))
    return Segment(",".join([event] * count).encode(), count=count, first_number=first_number)


def summary(written: int, dropped: int = 0, withheld: int | None = None) -> Segment:
    told = {"outcome": "success", "lines": written, "evictedLines": 0, "droppedLines": dropped}
    if withheld is not None:
        told["withheldLines"] = withheld
    event = {"time": TIME, "type": "flightRecorder.invocation", "record": told}
    raw = json.dumps(event, separators=(",", ":")).encode()
    return Segment(raw, count=1, first_number=900, kind=Kind.EVENT)


def gap(count: int) -> Segment:
    return Segment(b"", count=count, first_number=901, kind=Kind.GAP, gone_bytes=100)


def tallied(*chunks: Chunk, redact: Callable[[bytes], bytes] | None = None) -> Tally:
    tally = Tally()
    followed: dict[str, Followed] = {}
    for chunk in chunks:
        tally.take([chunk], followed, redact=redact)
    for request_id, one in followed.items():
        tally.settle(request_id, one)
    return tally


def test_weights_are_added_up() -> None:
    """Each kept invocation stands for as many as its weight; so does each line."""
    tally = tallied(
        Chunk(metadata("a"), [lines(3), summary(3)]),
        Chunk(metadata("b", "timeout", 1.0), [lines(4), summary(4)]),
    )

    assert (tally.estimated, tally.estimated_lines) == (11, 34)
    assert tally.variance == pytest.approx(90)
    assert (dict(tally.kept), dict(tally.failures)) == ({"sampled": 1}, {"timeout": 1})
    assert tally.volume.deliveries == 2


@pytest.mark.parametrize(
    ("segments", "missing", "why"),
    [
        ([lines(3), gap(2), summary(5)], 2, "given up for BUFFER_SIZE"),
        ([lines(1), summary(5, dropped=4)], 4, "let go before there was a sign of failure"),
        ([lines(1), summary(5, withheld=4)], 4, "withheld by KEEP_AT_MOST"),
        ([lines(1), gap(1), summary(5, withheld=3)], 4, "withheld by KEEP_AT_MOST"),
        ([lines(1), summary(5)], 4, "not delivered for another reason"),
    ],
)
def test_what_is_missing_of_a_failure_is_told_with_its_cause(
    segments: list[Segment], missing: int, why: str
) -> None:
    """By the gaps and the counts that are delivered with it, and by what is not there."""
    tally = tallied(Chunk(metadata("a", "timeout", 1.0), segments))

    (found,) = tally.incomplete
    assert (found.missing, found.written, found.why) == (missing, 5, why)
    assert dict(tally.missing) == {why: 1}


def test_a_withheld_failure_of_error_lines_only_is_whole() -> None:
    """What the ceiling withheld nothing of has all its lines."""
    tally = tallied(Chunk(metadata("a", "timeout", 1.0), [lines(2), summary(2, withheld=0)]))

    assert (tally.failed, tally.incomplete_count) == (1, 0)


@pytest.mark.parametrize("trace_id", ["", "1-5f35ae12-0c0fec141ab77a00bc047aa2"])
def test_invocations_of_one_transaction_err_together(trace_id: str) -> None:
    """Three of one trace are drawn at once: nine times the variance of one; three of three traces, three times."""
    tally = tallied(
        *(
            Chunk(metadata(str(n))._replace(trace_id=trace_id), [lines(1), summary(1)])
            for n in range(3)
        )
    )

    assert tally.estimated == 30
    assert tally.variance == pytest.approx(90 * (9 if trace_id else 3))


def test_the_margin_holds_what_it_promises() -> None:
    """Of 100 samples of transactions with one to five invocations each, about 95 have the truth in their margin."""
    random = Random(3)
    sizes = [1 + n % 5 for n in range(150)]
    within = 0
    for _ in range(100):
        kept = []
        for number, size in enumerate(sizes):
            trace_id = f"1-5f35ae12-{random.getrandbits(96):024x}"
            randomness = probability.randomness_of(trace_id=trace_id, request_id="")
            if probability.keeps(randomness, rate=0.2):
                kept += [
                    Chunk(
                        metadata(f"{number}-{n}", weight=5.0)._replace(trace_id=trace_id),
                        [summary(0)],
                    )
                    for n in range(size)
                ]
        tally = tallied(*kept)
        within += abs(tally.estimated - sum(sizes)) <= NORMAL_95 * tally.variance**0.5

    # Taken one by one, as if they were drawn each for itself, the margins hold it in some 70 of 100.
    assert 0.88 <= within / 100 <= 0.99


def test_history_is_counted_by_itself() -> None:
    """It stands for nothing, is no invocation that was kept, and nothing is missing of it."""
    tally = tallied(
        Chunk(metadata("a", "history", 0.0), [lines(3)]),
        Chunk(metadata("b", "timeout", 1.0), [lines(2), summary(2)]),
    )

    assert (tally.history, tally.kept_lines, tally.estimated_lines) == (3, 5, 2)
    assert (tally.failed, dict(tally.kept), tally.incomplete_count) == (1, {}, 0)


def test_sizes_are_of_what_leaves_once_it_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured and reckoned alike: what REDACT shortens is shorter."""
    chunks = [
        Chunk(metadata(str(n)), [lines(20, n * 100, "key " + "7" * 300), summary(20)])
        for n in range(100)
    ]
    redact = Redactor(read_patterns("7+")).redact

    plain, masked = tallied(*chunks), tallied(*chunks, redact=redact)
    monkeypatch.setattr("whatif.replay.tally.MEASURED_BYTES", 50_000)
    reckoned = tallied(*chunks, redact=redact)

    spared = 100 * 20 * (300 - len(MASK))
    assert plain.volume.cloudwatch_bytes - masked.volume.cloudwatch_bytes == spared
    assert masked.lines == plain.lines
    assert reckoned.volume.cloudwatch_bytes == pytest.approx(
        masked.volume.cloudwatch_bytes, rel=0.01
    )


def test_a_whole_failure_and_a_sampled_gap_are_nothing_to_complain_of() -> None:
    """Late lines make more than the summary says; a healthy invocation may have a gap."""
    tally = tallied(
        Chunk(metadata("a", "timeout", 1.0), [lines(5), summary(5)]),
        Chunk(metadata("a", "timeout", 1.0), [lines(1)]),
        Chunk(metadata("b"), [gap(5), summary(5)]),
    )

    assert (tally.incomplete_count, tally.failed) == (0, 1)


def test_a_retry_is_another_invocation() -> None:
    """The same id twice counts as two, and their lines are not taken for missing ones."""
    tally = tallied(*[Chunk(metadata("a", "timeout", 1.0), [lines(5), summary(5)])] * 2)

    assert (tally.failed, tally.estimated, tally.incomplete_count) == (2, 2, 0)


def test_a_sign_of_failure_after_sampling_counts_once() -> None:
    """What had been kept as healthy is a failure then, and no longer a healthy one."""
    tally = tallied(
        Chunk(metadata("a"), [lines(5), summary(5)]),
        Chunk(metadata("a", "timeout", 1.0), [lines(1)]),
    )

    assert (dict(tally.failures), tally.kept["sampled"]) == ({"timeout": 1}, 0)


def test_metrics_alone_are_no_invocation() -> None:
    """A line of metrics is kept of what is let go otherwise, and estimates nothing."""
    tally = tallied(Chunk(metadata("a", "emf", 1.0), [lines(1)]))

    assert (tally.kept_lines, tally.estimated, tally.volume.deliveries) == (1, 0, 1)
    assert (tally.failed, dict(tally.kept)) == (0, {})


def test_sizes_are_measured_at_first_and_reckoned_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond some megabytes an eighth is written out; for lines of like sizes that is as good."""
    chunks = [
        Chunk(metadata(str(n)), [lines(20, n * 100, "x" * (200 + n % 7)), summary(20)])
        for n in range(400)
    ]
    exact = tallied(*chunks)

    monkeypatch.setattr("whatif.replay.tally.MEASURED_BYTES", 50_000)
    reckoned = tallied(*chunks)

    assert reckoned.volume.record_bytes == pytest.approx(exact.volume.record_bytes, rel=0.01)
    assert reckoned.volume.cloudwatch_bytes == pytest.approx(
        exact.volume.cloudwatch_bytes, rel=0.01
    )
    assert (reckoned.lines, reckoned.estimated) == (exact.lines, exact.estimated)


def test_the_list_of_incomplete_failures_has_a_bound() -> None:
    """All are counted, some are named."""
    count = MAX_INCOMPLETE + 5

    tally = tallied(
        *(Chunk(metadata(str(n), "timeout", 1.0), [gap(1), summary(1)]) for n in range(count))
    )

    assert (len(tally.incomplete), tally.incomplete_count) == (MAX_INCOMPLETE, count)
