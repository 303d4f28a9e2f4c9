from pathlib import Path

import pytest

from emulator.demo.table import Paint
from extension import sampling
from extension.config import PREFIX
from extension.settings import SETTINGS
from whatif.explain import explain, main, transaction_of
from whatif.settings_source import read_environ

TRACE = "1-5f35ae12-0c0fec141ab77a00bc047aa2"
R = 0xB77A00BC047AA2


def explained(*ids: str, **given: str) -> str:
    sourced = read_environ({}, given=[f"{name}={value}" for name, value in given.items()])
    return "\n".join(explain(sourced, [transaction_of(one) for one in ids], Paint(enabled=False)))


def test_every_setting_is_shown_with_where_it_comes_from() -> None:
    """All settings of the extension have a line, whatever they are; the defaults say that they are."""
    text = explained(SAMPLE_RATE="5%")

    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert all(setting.name in lines for setting in SETTINGS)
    assert lines["SAMPLE_RATE"].split()[1:] == ["5%", "--env"]
    assert lines["FLUSH"].split()[1:] == ["adaptive", "default"]
    assert lines["BUFFER_SIZE"].split()[1:] == ["16MiB", "default"]


@pytest.mark.parametrize(
    "setting", [one for one in SETTINGS if one.secret], ids=lambda one: one.name
)
@pytest.mark.parametrize(
    "value", ["https://hunter2@example.com", "Authorization=hunter2", "hunter2"]
)
def test_secrets_are_not_shown(setting: object, value: str) -> None:
    """Of a setting that may hold a secret it is said that it is set, right or wrong."""
    name = str(getattr(setting, "name", ""))

    text = explained(**{name: value})

    assert "hunter2" not in text
    assert name in text


def test_a_reference_is_not_followed_and_not_shown() -> None:
    """What it names is nobody's business, and its default stands in."""
    text = explained(SAMPLE_RATE="ssm:/shop/hunter2")

    assert "hunter2" not in text
    assert "ssm: reference" in text
    assert "defaults stand in for SAMPLE_RATE" in text


def test_problems_are_told_as_the_extension_would() -> None:
    """A bad value with what is accepted and used, and a name that is misspelt."""
    text = explained(FLUSH="never", SAMPEL_RATE="1")

    assert "FLUSH=never: accepted is end, background or adaptive; used is adaptive" in text
    assert f"perhaps {PREFIX}SAMPLE_RATE was meant" in text


@pytest.mark.parametrize(
    "given",
    [
        TRACE,
        TRACE.upper(),
        "5f35ae120c0fec141ab77a00bc047aa2",
        "00-5f35ae120c0fec141ab77a00bc047aa2-2be948a625588e32-01",
        f"Parent=2be948a625588e32;Root={TRACE};Sampled=1",
        f"X-Amzn-Trace-Id: Root={TRACE}",
    ],
)
def test_a_trace_id_is_one_in_every_spelling(given: str) -> None:
    """X-Ray's, W3C's, a traceparent and a header all name the same transaction."""
    transaction = transaction_of(given)

    if not given.startswith("X-Amzn"):
        assert transaction.trace_id == TRACE
        assert transaction.randomness == R
    else:
        assert transaction_of(given.partition(": ")[2]).trace_id == TRACE


def test_anything_else_is_a_request_id() -> None:
    """R is then what the extension would make of it."""
    request_id = "459921b5-681c-4a96-beb0-81e0aa586026"

    transaction = transaction_of(request_id)

    assert transaction.request_id == request_id
    assert transaction.randomness == sampling.randomness_of(trace_id="", request_id=request_id)


def test_the_verdict_is_the_extension_s() -> None:
    """R, the threshold, what comes of it and the weight; and the rate from which on it would be kept."""
    dropped, kept = explained(TRACE, SAMPLE_RATE="25%"), explained(TRACE, SAMPLE_RATE="50%")

    assert "R = b77a00bc047aa2, so kept from a rate of 28.33% on" in dropped
    assert "c0000000000000" in dropped
    assert "R < T: let go" in dropped
    assert "R >= T: kept, sampled, weight 2" in kept


@pytest.mark.parametrize("rate", [0.2832, 0.2833])
def test_the_least_rate_is_the_one_that_keeps(rate: float) -> None:
    """The percentage that is shown keeps it, and a hundredth of a percent less does not."""
    assert sampling.keeps(R, rate=rate) == (rate == 0.2833)


def test_a_header_without_a_trace_id_says_so() -> None:
    """A malformed Root is none."""
    assert "there is no trace id in this header" in explained("Root=1-2;Sampled=1")


def test_the_command_tells_by_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 when all is well, 1 when a setting cannot be used, 2 when it was asked for in a wrong way."""
    monkeypatch.setenv(f"{PREFIX}SAMPLE_RATE", "5%")

    codes = [
        main([TRACE]),
        main(["--env", "SAMPLE_RATE=12"]),
        main(["--configuration", str(tmp_path / "absent")]),
    ]

    assert codes == [0, 1, 2]
    assert "this shell's environment" in capsys.readouterr().out
