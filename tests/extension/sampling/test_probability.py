"""The draw: consistent probability sampling on Lambda's trace ids."""

import itertools
import json
import math
import random
import subprocess

import pytest

from extension.sampling import probability
from extension.sinks.otlp import mapping
from tests.services.environment import needs_services

RATES = (0.001, 0.01, 0.1, 0.5)


def _trace_ids(count: int) -> list[str]:
    source = random.Random(20261124)
    return [f"1-{source.getrandbits(32):08x}-{source.getrandbits(96):024x}" for _ in range(count)]


def _kept(ids: list[str], rate: float) -> list[bool]:
    drawn = (probability.randomness_of(trace_id=one, request_id="") for one in ids)
    return [probability.keeps(one, rate=rate) for one in drawn]


@pytest.mark.parametrize("rate", RATES)
def test_draw_keeps_the_share_that_the_rate_asks(rate: float) -> None:
    """Over many trace ids the share kept is the rate, within five standard deviations."""
    kept = sum(_kept(_trace_ids(10_000), rate))

    assert abs(kept - 10_000 * rate) <= 5 * math.sqrt(10_000 * rate * (1 - rate))


def test_a_lower_rate_keeps_a_subset_of_a_higher_rate() -> None:
    """Samples nest, so functions with different rates agree on the transactions both keep."""
    ids = _trace_ids(10_000)

    kept = [set(itertools.compress(ids, _kept(ids, rate))) for rate in (0.0, *RATES, 1.0)]

    assert not kept[0]
    assert all(lower <= higher for lower, higher in itertools.pairwise(kept))
    assert kept[-1] == set(ids)


def test_request_id_decides_without_a_trace_id() -> None:
    """A retry has the same request id, so it gets the same answer; different ids spread evenly."""
    many, again = (
        [probability.randomness_of(trace_id="", request_id=f"id-{n}") for n in range(4000)]
        for _ in range(2)
    )

    assert many == again
    assert all(0 <= one < 2**56 for one in many)
    assert abs(sum(probability.keeps(one, rate=0.5) for one in many) - 2000) < 5 * math.sqrt(1000)


def test_randomness_is_the_last_56_bits_of_the_trace_id() -> None:
    """R is what OpenTelemetry's samplers take from the same id."""
    trace_id = "1-5f35ae12-0c0fec141ab77a00bc047aa2"

    assert probability.randomness_of(trace_id=trace_id, request_id="") == 0xB77A00BC047AA2


@pytest.mark.parametrize(
    ("rate", "threshold"), [(1.0, 0), (0.5, 0x8 << 52), (0.25, 0xC << 52), (0.0, 1 << 56)]
)
def test_thresholds_are_those_of_the_specification(rate: float, threshold: int) -> None:
    """``th:8`` is 50 %, ``th:c`` is 25 % (OpenTelemetry, TraceState: Probability Sampling)."""
    assert probability.threshold_of(rate) == threshold


@pytest.mark.parametrize("rate", [*RATES, 1.0])
def test_weight_is_the_inverse_of_the_rate(rate: float) -> None:
    """What is kept at a rate stands for 1/rate transactions."""
    assert probability.weight_of(rate) == pytest.approx(1 / rate)


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        (1.0, "0"),
        (2.0, "8"),
        (4.0, "c"),
        (10.0, "e666666"),
        (100.0, "fd70a3d"),
        (probability.weight_of(1 / 3), "aaaaaab"),
        (0.0, ""),
        (1e12, "fffffff"),
    ],
)
def test_the_threshold_is_written_as_tracestate_has_it(weight: float, text: str) -> None:
    """Hexadecimal, from the left, without zeros at the end."""
    assert mapping.threshold_text(weight) == text


def test_correlation_id_decides_before_the_trace_id() -> None:
    """It is the transaction's own name; without one, the trace id decides, and without that, the request."""
    first, second = _trace_ids(2)

    by_name = {
        probability.randomness_of(trace_id=one, request_id=two, correlation_id="order-7")
        for one, two in ((first, "a"), (second, "b"), ("", "c"))
    }

    assert len(by_name) == 1
    assert probability.randomness_of(trace_id=first, request_id="a") == int(first[-14:], 16)


OTEL = """
import json, sys
from opentelemetry.sdk.trace._sampling_experimental import composable_traceid_ratio_based, composite_sampler

for line in sys.stdin:
    rate, ids = json.loads(line)
    sampler = composite_sampler(composable_traceid_ratio_based(rate))
    results = [sampler.should_sample(None, int(one, 16), "a span") for one in ids]
    kept = [result.decision.is_sampled() for result in results]
    states = {result.trace_state.to_header() for result in results if result.decision.is_sampled()}
    print(json.dumps([kept, sorted(states)]), flush=True)
"""


@pytest.mark.services
@pytest.mark.parametrize("rate", [*RATES, 0.3, 1 / 3, 0.999])
def test_draw_keeps_the_traces_that_opentelemetrys_sampler_keeps(rate: float) -> None:
    """The SDK's own consistent probability sampler, asked about the same trace ids, says the same of each."""
    ids = _trace_ids(2000)
    asked = json.dumps([rate, ["".join(one.split("-")[1:]) for one in ids]])

    said = subprocess.run(
        [needs_services("python"), "-c", OTEL],
        input=asked + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    kept, states = json.loads(said.stdout)
    assert _kept(ids, rate) == kept
    # Its tracestate has the threshold in full, ours as far as a weight tells it.
    (state,) = states
    theirs = int(state.removeprefix("ot=th:").ljust(14, "0"), 16)
    told = int(mapping.threshold_text(probability.weight_of(rate)).ljust(14, "0"), 16)
    assert abs(theirs - told) <= 16 ** (14 - mapping.THRESHOLD_DIGITS)
