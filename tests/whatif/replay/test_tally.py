import json
from random import Random

import pytest

from extension.model.chunk import Chunk, Metadata, RewriteLines
from extension.model.segment import Kind, Segment
from extension.redaction.patterns import MASK, read_patterns
from extension.redaction.redactor import Redactor
from extension.sampling import probability
from whatif.replay.tally import MAX_INCOMPLETE, Followed, Tally
from whatif.report.rows import NORMAL_95

TIME = "2026-11-20T08:00:00.000Z"


def metadata(
    request_id: str, reason: str = "sampled", weight: float = 10.0, *, trace_id: str = ""
) -> Metadata:
    failed = reason == "timeout"
    return Metadata(request_id, trace_id, "shop", "7", "e", reason, weight, failed=failed)


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


def tallied(*chunks: Chunk, redact: RewriteLines | None = None) -> Tally:
    tally = Tally()
    followed: dict[str, Followed] = {}
    for chunk in chunks:
        tally.take([chunk], followed, redact=redact)
    for request_id, one in followed.items():
        tally.settle(request_id, one)
    return tally


SAMPLED, FAILED = ("sampled", 10.0), ("timeout", 1.0)


def chunk(request_id: str, told: tuple[str, float], *segments: Segment) -> Chunk:
    return Chunk(metadata(request_id, *told), list(segments))


COUNTED = {
    "weights of kept invocations and lines are added up": (
        [chunk("a", SAMPLED, lines(3), summary(3)), chunk("b", FAILED, lines(4), summary(4))],
        (1, 1, 7, 11, 34),
    ),
    "history estimates nothing": (
        [chunk("a", ("history", 0.0), lines(3)), chunk("b", FAILED, lines(2), summary(2))],
        (1, 0, 5, 1, 2),
    ),
    "a failure with error lines only is whole": (
        [chunk("a", FAILED, lines(2), summary(2, withheld=0))],
        (1, 0, 2, 1, 2),
    ),
    "late lines are no second failure": (
        [chunk("a", FAILED, lines(5), summary(5)), chunk("a", FAILED, lines(1))],
        (1, 0, 6, 1, 6),
    ),
    "a gap in a healthy invocation is no missing line": (
        [chunk("b", SAMPLED, gap(5), summary(5))],
        (0, 1, 0, 10, 0),
    ),
    "a retry is another invocation": (
        [chunk("a", FAILED, lines(5), summary(5))] * 2,
        (2, 0, 10, 2, 10),
    ),
    "a sign of failure after sampling counts once": (
        [chunk("a", SAMPLED, lines(5), summary(5)), chunk("a", FAILED, lines(1))],
        (1, 0, 6, 10, 51),
    ),
    "metrics alone are no invocation": ([chunk("a", ("emf", 1.0), lines(1))], (0, 0, 1, 0, 1)),
}


@pytest.mark.parametrize(("chunks", "expected"), COUNTED.values(), ids=COUNTED)
def test_tally_counts_invocations_and_lines(
    chunks: list[Chunk], expected: tuple[float, ...]
) -> None:
    """Failed, healthy, kept lines, and both estimates are the report's figures; nothing is missing."""
    tally = tallied(*chunks)

    counts = (tally.failed, sum(tally.kept.values()), tally.kept_lines)
    estimates = (tally.estimated, tally.estimated_lines)
    assert [*counts, *estimates] == list(expected)
    assert set(tally.failures) <= {"timeout"}
    assert tally.incomplete_count == 0
    assert tally.history == sum(one.lines for one in chunks if one.metadata.reason == "history")


@pytest.mark.parametrize(
    ("segments", "missing", "why"),
    [
        ([lines(3), gap(2), summary(5)], 2, "evicted for BUFFER_SIZE"),
        ([lines(1), summary(5, dropped=4)], 4, "dropped before the first sign of failure"),
        ([lines(1), summary(5, withheld=4)], 4, "withheld by KEEP_AT_MOST"),
        ([lines(1), gap(1), summary(5, withheld=3)], 4, "withheld by KEEP_AT_MOST"),
        ([lines(1), summary(5)], 4, "not delivered for another reason"),
    ],
)
def test_tally_finds_the_cause_of_missing_lines(
    segments: list[Segment], missing: int, why: str
) -> None:
    """Gaps and counts in the delivery tell the cause; otherwise it is unknown."""
    tally = tallied(Chunk(metadata("a", "timeout", 1.0), segments))

    (found,) = tally.incomplete
    assert (found.missing, found.written, found.why) == (missing, 5, why)
    assert dict(tally.missing) == {why: 1}


@pytest.mark.parametrize("trace_id", ["", "1-5f35ae12-0c0fec141ab77a00bc047aa2"])
def test_variance_grows_with_the_square_of_a_transaction(trace_id: str) -> None:
    """Three invocations of one trace are sampled at once, so they have nine times the variance of one."""
    tally = tallied(
        *(Chunk(metadata(str(n), trace_id=trace_id), [lines(1), summary(1)]) for n in range(3))
    )

    assert tally.estimated == 30
    assert tally.variance == pytest.approx(90 * (9 if trace_id else 3))


def test_margin_holds_the_truth_in_95_of_100_samples() -> None:
    """Transactions have one to five invocations each."""
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
                        metadata(f"{number}-{n}", weight=5.0, trace_id=trace_id),
                        [summary(0)],
                    )
                    for n in range(size)
                ]
        tally = tallied(*kept)
        within += abs(tally.estimated - sum(sizes)) <= NORMAL_95 * tally.variance**0.5

    # Taken one by one, as if they were drawn each for itself, the margins hold it in some 70 of 100.
    assert 0.88 <= within / 100 <= 0.99


def test_volume_is_that_of_masked_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoded and estimated sizes both shrink where REDACT shortens lines."""
    chunks = [
        Chunk(metadata(str(n)), [lines(20, n * 100, "key " + "7" * 300), summary(20)])
        for n in range(100)
    ]
    redact = Redactor(read_patterns("7+")).redact_all

    plain, masked = tallied(*chunks), tallied(*chunks, redact=redact)
    monkeypatch.setattr("whatif.replay.tally.MEASURED_BYTES", 50_000)
    reckoned = tallied(*chunks, redact=redact)

    spared = 100 * 20 * (300 - len(MASK))
    assert plain.volume.cloudwatch_bytes - masked.volume.cloudwatch_bytes == spared
    assert masked.lines == plain.lines
    assert reckoned.volume.cloudwatch_bytes == pytest.approx(
        masked.volume.cloudwatch_bytes, rel=0.01
    )


def test_volume_is_estimated_beyond_the_first_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One chunk in eight is encoded, which suffices for lines of similar sizes."""
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


def test_tally_bounds_its_list_of_incomplete_failures() -> None:
    """All of them are counted, but a log of failures must not fill the memory."""
    count = MAX_INCOMPLETE + 5

    tally = tallied(
        *(Chunk(metadata(str(n), "timeout", 1.0), [gap(1), summary(1)]) for n in range(count))
    )

    assert (len(tally.incomplete), tally.incomplete_count) == (MAX_INCOMPLETE, count)
