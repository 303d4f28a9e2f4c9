"""Draw healthy transactions: OpenTelemetry's consistent probability sampling, on Lambda's trace ids.

The decision is a pure function of the transaction's id and the rate, without a clock or a random source. So every
function of one transaction decides alike, a retry decides alike, and a lower rate's sample is a subset of a higher
one's. It agrees with the traces that an OpenTelemetry sampler keeps at the same rate.

Sources: OpenTelemetry, "TraceState: Probability Sampling" (R, T, and R >= T). AWS X-Ray, "Tracing header": the
trace id's last 96 bits are random, so their last 56 serve as R.
"""

RANDOMNESS_BITS = 56

_ONE = 1 << RANDOMNESS_BITS


def randomness_of(*, trace_id: str, request_id: str, correlation_id: str = "") -> int:
    """Return R, the 56 bits that decide: the last ones of X-Ray's trace id.

    Where the function names the transaction, R comes from a stable hash of that name, which reaches further than X-Ray
    does. Where nothing names the transaction, R comes from the same hash of the request id.
    """
    if trace_id and not correlation_id:
        return int(trace_id[-RANDOMNESS_BITS // 4 :], 16)
    # Imported here: hashlib loads OpenSSL, and Lambda gives nearly every invocation a trace id.
    from hashlib import blake2b

    name = correlation_id or request_id
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") & (_ONE - 1)


def threshold_of(rate: float) -> int:
    """Return T = (1 - rate) * 2^56 for a rate in [0, 1]."""
    return round((1.0 - rate) * _ONE)


def keeps(randomness: int, *, rate: float) -> bool:
    """Tell whether a healthy transaction is kept at a rate in [0, 1]."""
    return randomness >= threshold_of(rate)


def weight_of(rate: float) -> float:
    """Return how many transactions a kept one stands for at a rate in (0, 1]: the adjusted count."""
    return round(_ONE / (_ONE - threshold_of(rate)), 9)
