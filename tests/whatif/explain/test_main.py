import json
import re
from pathlib import Path

import pytest

from extension import PREFIX
from extension.config.settings import read_settings
from extension.config.variables import SETTINGS
from extension.parsing.correlation import MAX_ID_CHARS
from extension.sampling import probability
from terminal.layout import WIDTH
from terminal.paint import Paint
from tests.whatif.replay.test_replay import batch
from whatif.explain.__main__ import ALL_MASKED, explain, main
from whatif.explain.transactions import correlated, transaction_of
from whatif.model.settings_source import read_environ
from whatif.replay.replay import Replay
from whatif.replay.tally import Tally

TRACE = "1-5f35ae12-0c0fec141ab77a00bc047aa2"
R = 0xB77A00BC047AA2


ALWAYS = "init-restarted, logs-dropped or extension-failed"


def explained(*ids: str, correlation: str = "", **given: str) -> str:
    sourced = read_environ({}, given=[f"{name}={value}" for name, value in given.items()])
    transactions = [transaction_of(one) for one in ids]
    transactions += [correlated(correlation)] if correlation else []
    return "\n".join(explain(sourced, transactions, Paint(enabled=False)))


def row(text: str, name: str) -> list[str]:
    """Gives the cells of a setting's row: name, value, from."""
    return next(
        re.split(" {2,}", line) for line in text.splitlines() if line.startswith(f"{name} ")
    )


def sentence(*, correlation: str = "", **given: str) -> str:
    """Gives what is said of the trace, up to the first empty line, or of a correlation id instead."""
    ids = () if correlation else (TRACE,)
    text = explained(*ids, correlation=correlation, **given)
    paragraph = text.partition(f"\n{correlation or TRACE}\n")[2].partition("\n\n")[0]
    return " ".join(paragraph.split())


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
        "traceparent: 00-5f35ae120c0fec141ab77a00bc047aa2-2be948a625588e32-01",
    ],
)
def test_a_trace_id_is_one_in_every_spelling(given: str) -> None:
    """X-Ray's, W3C's, a traceparent and a header all name the same transaction."""
    transaction = transaction_of(given)

    assert transaction.trace_id == TRACE
    assert transaction.randomness == R


def test_anything_else_is_a_request_id() -> None:
    """R is then what the extension would make of it."""
    request_id = "459921b5-681c-4a96-beb0-81e0aa586026"

    transaction = transaction_of(request_id)

    assert transaction.request_id == request_id
    assert transaction.randomness == probability.randomness_of(trace_id="", request_id=request_id)


def test_the_verdict_is_the_extension_s() -> None:
    """R, the threshold, what comes of it and the weight; and the rate from which on it would be kept."""
    dropped, kept = explained(TRACE, SAMPLE_RATE="25%"), explained(TRACE, SAMPLE_RATE="50%")

    assert "R = b77a00bc047aa2, so kept from a rate of 28.33% on" in dropped
    assert "c0000000000000" in dropped
    assert "R < T: let go" in dropped
    assert "R >= T: kept, weight 2" in kept


def test_one_sentence_says_what_becomes_of_a_healthy_invocation() -> None:
    """Let go or kept whole, with the weight, and the rules that could still keep it; each on the whole one sentence."""
    unless = "unless a rule keeps it whole, with weight 1"

    assert sentence(SAMPLE_RATE="25%") == (
        f"A healthy invocation of it is let go, {unless}: {ALWAYS}."
    )
    assert sentence(SAMPLE_RATE="50%") == (
        "A healthy invocation of it is kept whole, with weight 2, or with weight 1 if a rule speaks for it:"
        f" {ALWAYS}."
    )
    assert sentence(SAMPLE_RATE="1") == "A healthy invocation of it is kept whole, with weight 1."


def test_the_sentence_names_the_levels_that_are_kept() -> None:
    """With the weight of each; a level at which a line makes a failure is none that a healthy invocation has."""
    several = sentence(SAMPLE_RATE="50%", SAMPLE_RATE_DEBUG="0", SAMPLE_RATE_WARN="80%")
    only_warn = sentence(SAMPLE_RATE="0", SAMPLE_RATE_WARN="1")
    no_warn = sentence(SAMPLE_RATE="0", SAMPLE_RATE_WARN="1", ERROR_LEVEL="WARN")
    all_levels = sentence(SAMPLE_RATE="50%", SAMPLE_RATE_WARN="80%")

    assert (
        "only the lines at WARN (weight 1.25) and at TRACE or INFO and without a level (weight 2)"
        in (several)
    )
    assert "only the lines at WARN (weight 1) are kept, unless a rule" in only_warn
    assert "no line is kept, only how it ended, unless" in no_warn
    assert "kept whole, its lines at WARN (weight 1.25) and at TRACE, DEBUG or INFO" in all_levels


def test_the_sentence_names_the_rules_that_are_set() -> None:
    """Each with the variable that sets it, in the order in which they are asked."""
    text = sentence(
        SAMPLE_RATE="0",
        KEEP_AT_LEAST="1/m",
        KEEP_SLOWER_THAN="1s",
        KEEP_MARKER="keep-me",
        KEEP_COLD_STARTS="true",
        KEEP_MEMORY_ABOVE="90%",
    )

    assert text.endswith(
        "marker (KEEP_MARKER), init-restarted, logs-dropped, extension-failed, cold-start (KEEP_COLD_STARTS), slow"
        " (KEEP_SLOWER_THAN), memory (KEEP_MEMORY_ABOVE) or at-least (KEEP_AT_LEAST)."
    )


LEVELS = ("TRACE", "DEBUG", "INFO", "WARN")


@pytest.mark.parametrize("rates", [(0.1, None), (0.5, None), (0.5, 0.1), (0.1, 0.5), (1.0, 0.0)])
@pytest.mark.parametrize("name", ["one", "two", "three", "four"])
def test_the_sentence_is_what_the_recorder_does(
    rates: tuple[float, float | None], name: str
) -> None:
    """A healthy invocation with a line at each level, recorded: as many lines are kept as levels are named."""
    given = {"SAMPLE_RATE": str(rates[0])}
    given |= {"SAMPLE_RATE_DEBUG": str(rates[1])} if rates[1] is not None else {}
    settings, _ = read_settings({f"{PREFIX}{key}": value for key, value in given.items()})
    tally = Tally()
    replay = Replay(settings, tally, environment_id="e")
    lines = [json.dumps({"level": level, "correlation_id": name}) for level in LEVELS]
    replay.take(batch("459921b5", *lines))
    replay.close()

    text = sentence(correlation=name, **given)

    if "kept whole" in text.partition(", ")[0]:
        assert tally.kept_lines == len(LEVELS)
    elif "let go" in text:
        assert tally.kept_lines == 0
    else:
        assert 0 < tally.kept_lines < len(LEVELS)
        assert tally.kept_lines == sum(level in text for level in LEVELS)


def test_a_correlation_id_decides_by_itself() -> None:
    """R is what the extension makes of it, of a long one's beginning; the kinds of ids are told apart."""
    text = explained(
        TRACE, "459921b5-681c-4a96-beb0-81e0aa586026", "order-17", correlation="order-17"
    )

    assert correlated("order-17").randomness == probability.randomness_of(
        trace_id=TRACE, request_id="r", correlation_id="order-17"
    )
    assert correlated("x" * 999).correlation_id == "x" * MAX_ID_CHARS
    assert [
        text.count(f"Taken for a {kind} id") for kind in ("trace", "request", "correlation")
    ] == [*(1, 2, 1)]
    assert text.count("It does not look like Lambda's") == 1


def test_an_id_that_decides_nothing_gets_no_verdict() -> None:
    """Without CORRELATION_FIELDS no line is looked at; without the extension nothing is recorded."""
    assert sentence(CORRELATION_FIELDS="none", correlation="order-17") == (
        "Taken for a correlation id. CORRELATION_FIELDS is none, so it decides nothing."
    )
    assert sentence(ENABLED="false") == "Nothing is recorded of it: ENABLED is false."


def test_history_and_the_ceiling_are_told_where_they_are_set() -> None:
    """Both may change what becomes of an invocation later."""
    text = " ".join(explained(TRACE, HISTORY="3", KEEP_AT_MOST="1/m").split())

    assert "as far as KEEP_AT_MOST allows" in text
    assert "should one of the next 3 invocations in its environment fail" in text


@pytest.mark.parametrize("value", ["emials", '["emails", "("]'])
def test_an_unusable_redact_is_shown_as_what_it_does(value: str) -> None:
    """Not as the default: while any of its patterns is unusable, every line is masked as a whole."""
    text = explained(REDACT=value)

    assert row(text, "REDACT")[1:] == [ALL_MASKED, "--env, see Problems"]
    assert "Because of that every line is masked as a whole" in " ".join(text.split())


def test_patterns_are_named_as_far_as_they_are_no_secret() -> None:
    """Presets by name, others by their number; of EXCLUDE those that can be used."""
    text = explained(REDACT='["card-number, emails", "(hunter2)", "x+"]', EXCLUDE='["a", "("]')

    assert row(text, "REDACT")[1:] == ["card-numbers, emails and 2 patterns", "--env"]
    assert row(text, "EXCLUDE")[1:] == ["1 pattern", "--env, see Problems"]
    assert row(explained(EXCLUDE="("), "EXCLUDE")[1] == "(none)"
    assert "hunter2" not in text


def test_a_redact_that_is_a_reference_is_no_default() -> None:
    """Until it has been fetched nothing leaves unmasked."""
    text = " ".join(explained(REDACT="ssm:/shop/redact", HISTORY="ssm:/shop/history").split())

    assert "defaults stand in for HISTORY," in text
    assert "nothing leaves unmasked before REDACT has been fetched" in text


def test_what_is_cut_is_not_called_a_default() -> None:
    """A BUFFER_SIZE that is too large is cut; one that is no size is not used."""
    cut, bad = explained(BUFFER_SIZE="100MiB"), explained(BUFFER_SIZE="much")

    assert row(cut, "BUFFER_SIZE")[1:] == ["64MiB", "--env, cut: see Problems"]
    assert row(bad, "BUFFER_SIZE")[1:] == ["16MiB", "default, see Problems"]


def test_a_long_value_is_wrapped_and_never_cut() -> None:
    """A table of settings in force that leaves out a part of one would be of little use."""
    text = explained(CORRELATION_FIELDS=",".join(f"field-number-{n}" for n in range(12)))

    assert "field-number-11" in text
    assert "..." not in text.partition("\n")[2].replace("FLIGHT_RECORDER_...", "")
    assert max(len(line) for line in text.splitlines()) <= WIDTH


@pytest.mark.parametrize("rate", [0.2832, 0.2833])
def test_the_least_rate_is_the_one_that_keeps(rate: float) -> None:
    """The percentage that is shown keeps it, and a hundredth of a percent less does not."""
    assert probability.keeps(R, rate=rate) == (rate == 0.2833)


def test_a_header_without_a_trace_id_says_so() -> None:
    """A malformed Root is none."""
    assert "There is no id in this" in explained("Root=1-2;Sampled=1")
    assert "There is no id in this" in explained("")


def test_the_command_tells_by_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 when all is well, 1 when a setting cannot be used, 2 when it was asked for in a wrong way."""
    monkeypatch.setenv(f"{PREFIX}SAMPLE_RATE", "5%")

    codes = [
        main([TRACE]),
        main(["--env", "SAMPLE_RATE=12"]),
        main(["--configuration", str(tmp_path / "absent")]),
        main([TRACE, "--correlation", "order-17", "another", "--correlation", "order-18"]),
    ]

    assert codes == [0, 1, 2, 0]
    assert "this shell's environment" in capsys.readouterr().out
