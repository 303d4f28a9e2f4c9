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
from tests.doubles.shop_logs import posted
from whatif.explain.__main__ import ALL_MASKED, explain, main
from whatif.explain.transactions import correlated, transaction_of
from whatif.model.settings_source import read_environ
from whatif.replay.replay import Replay
from whatif.replay.tally import Tally

TRACE = "1-5f35ae12-0c0fec141ab77a00bc047aa2"
W3C = "5f35ae120c0fec141ab77a00bc047aa2"
R = 0xB77A00BC047AA2
REQUEST = "459921b5-681c-4a96-beb0-81e0aa586026"


def explained(*ids: str, correlation: str = "", **given: str) -> str:
    sourced = read_environ({}, given=[f"{name}={value}" for name, value in given.items()])
    transactions = [transaction_of(one) for one in ids]
    transactions += [correlated(correlation)] if correlation else []
    return "\n".join(explain(sourced, transactions, Paint(enabled=False)))


def row(text: str, name: str) -> list[str]:
    """Return the cells of a setting's row behind its name: value and origin."""
    line = next(line for line in text.splitlines() if line.startswith(f"{name} "))
    return re.split(" {2,}", line)[1:]


def sentence(*, correlation: str = "", **given: str) -> str:
    """Return the sentence on the trace, or on a correlation id instead."""
    text = explained(*(() if correlation else (TRACE,)), correlation=correlation, **given)
    paragraph = text.partition(f"\n{correlation or TRACE}\n")[2].partition("\n\n")[0]
    return " ".join(paragraph.split())


def test_explain_shows_every_setting_with_its_origin() -> None:
    """A setting without a row would look as if it did not exist."""
    text = explained(SAMPLE_RATE="5%")

    lines = {line.split()[0] for line in text.splitlines() if line.strip()}
    assert lines >= {setting.name for setting in SETTINGS}
    assert row(text, "SAMPLE_RATE") == ["5%", "--env"]
    assert row(text, "FLUSH") == ["adaptive", "default"]
    assert row(text, "BUFFER_SIZE") == ["16MiB", "default"]


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS if setting.secret])
@pytest.mark.parametrize(
    "value", ["https://hunter2@example.com", "Authorization=hunter2", "hunter2"]
)
def test_explain_hides_secrets(name: str, value: str) -> None:
    """The value stays hidden whether it can be used or not."""
    text = explained(**{name: value})

    assert "hunter2" not in text
    assert name in text


def test_explain_hides_references_and_uses_their_defaults() -> None:
    """The name of a parameter may be a secret, and its value is not known here."""
    text = explained(SAMPLE_RATE="ssm:/shop/hunter2")

    assert "hunter2" not in text
    assert "ssm: reference" in text
    assert "Defaults replace SAMPLE_RATE" in text


def test_explain_says_what_the_document_of_settings_may_set() -> None:
    """It is not fetched here. What a variable sets is in force whatever the document says."""
    text = explained(SETTINGS="s3://hunter2/a", SAMPLE_RATE="0.5", SINK="s3://logs/kept")

    rows = {row.split()[0]: " ".join(row.split()[1:]) for row in text.splitlines() if row.split()}
    assert "hunter2" not in text
    assert rows["SETTINGS"].startswith("s3: reference")
    assert rows["FLUSH"] == "adaptive default, or from SETTINGS"
    assert "from SETTINGS" not in rows["SAMPLE_RATE"] + rows["SINK"] + rows["ENABLED"]
    assert "The document of SETTINGS may set all that the variables do not" in " ".join(
        text.split()
    )


def test_explain_lists_problems_as_the_extension_would() -> None:
    """A bad value comes with the accepted ones, a misspelt name with the likely one."""
    text = " ".join(explained(FLUSH="never", SAMPEL_RATE="1").split())

    assert (
        "FLUSH=never cannot be used. Accepted: end, background or adaptive. Used instead: adaptive."
        in text
    )
    assert f"perhaps {PREFIX}SAMPLE_RATE was meant" in text


@pytest.mark.parametrize(
    "given",
    [
        *(TRACE, TRACE.upper(), W3C, f"00-{W3C}-2be948a625588e32-01"),
        f"Parent=2be948a625588e32;Root={TRACE};Sampled=1",
        f"X-Amzn-Trace-Id: Root={TRACE}",
        f"traceparent: 00-{W3C}-2be948a625588e32-01",
    ],
)
def test_transaction_of_reads_a_trace_id_in_every_spelling(given: str) -> None:
    """People copy the id from X-Ray, from OpenTelemetry or from a header."""
    transaction = transaction_of(given)

    assert transaction.trace_id == TRACE
    assert transaction.randomness == R


def test_transaction_of_reads_anything_else_as_a_request_id() -> None:
    """R is then the extension's own for a request id."""
    transaction = transaction_of(REQUEST)

    assert transaction.request_id == REQUEST
    assert transaction.randomness == probability.randomness_of(trace_id="", request_id=REQUEST)


def test_explain_shows_the_extensions_own_verdict() -> None:
    """Threshold, weight and the least rate let a reader check the decision by hand."""
    dropped, kept = explained(TRACE, SAMPLE_RATE="25%"), explained(TRACE, SAMPLE_RATE="50%")

    for said in ("R = b77a00bc047aa2, so it is kept at rates from 28.33% on", "c0000000000000"):
        assert said in dropped
    assert "R < T: dropped" in dropped
    assert "R >= T: kept, weight 2" in kept


ALWAYS = "init-restarted, logs-dropped, extension-failed or durable-retry."
WHOLE = f"unless a rule keeps it whole with weight 1: {ALWAYS}"
RULES = "KEEP_AT_LEAST=1/m KEEP_SLOWER_THAN=1s KEEP_MARKER=keep-me KEEP_COLD_STARTS=true KEEP_MEMORY_ABOVE=90%"

SENTENCES = {
    "SAMPLE_RATE=25%": f"A healthy invocation is dropped, {WHOLE}",
    "SAMPLE_RATE=50%": "A healthy invocation is kept whole, with weight 2, or with weight 1 if a rule keeps it:"
    f" {ALWAYS}",
    "SAMPLE_RATE=1": "A healthy invocation is kept whole, with weight 1.",
    "SAMPLE_RATE=50% SAMPLE_RATE_DEBUG=0 SAMPLE_RATE_WARN=80%": "Only a healthy invocation's lines at WARN"
    f" (weight 1.25) and at TRACE or INFO and without a level (weight 2) are kept, {WHOLE}",
    "SAMPLE_RATE=0 SAMPLE_RATE_WARN=1": f"Only a healthy invocation's lines at WARN (weight 1) are kept, {WHOLE}",
    "SAMPLE_RATE=0 SAMPLE_RATE_WARN=1 ERROR_LEVEL=WARN": "No line of a healthy invocation is kept, only its outcome,"
    f" {WHOLE}",
    "SAMPLE_RATE=50% SAMPLE_RATE_WARN=80%": "A healthy invocation is kept whole, its lines at WARN (weight 1.25) and at"
    f" TRACE, DEBUG or INFO and without a level (weight 2), or with weight 1 if a rule keeps it: {ALWAYS}",
    f"SAMPLE_RATE=0 {RULES}": "A healthy invocation is dropped, unless a rule keeps it whole with weight 1: marker"
    " (KEEP_MARKER), init-restarted, logs-dropped, extension-failed, durable-retry, cold-start (KEEP_COLD_STARTS), slow"
    " (KEEP_SLOWER_THAN), memory (KEEP_MEMORY_ABOVE) or at-least (KEEP_AT_LEAST).",
    "CORRELATION_FIELDS=none correlation=order-17": "Read as a correlation id. CORRELATION_FIELDS is none, so it"
    " decides nothing.",
    "ENABLED=false": "Nothing is recorded, since ENABLED is false.",
}


@pytest.mark.parametrize("given", SENTENCES)
def test_sentence_says_what_is_kept_of_a_healthy_invocation(given: str) -> None:
    """One sentence has the answer: kept or dropped, the levels and weights, and the rules that override it."""
    settings = dict(one.split("=") for one in given.split())

    assert sentence(**settings) == SENTENCES[given]


LEVELS = ("TRACE", "DEBUG", "INFO", "WARN")


@pytest.mark.parametrize("rates", [(0.1, None), (0.5, None), (0.5, 0.1), (0.1, 0.5), (1.0, 0.0)])
@pytest.mark.parametrize("name", ["one", "two", "three", "four"])
def test_sentence_agrees_with_the_recorder(rates: tuple[float, float | None], name: str) -> None:
    """A recorded invocation with a line at each level keeps as many lines as the sentence names levels."""
    given = {"SAMPLE_RATE": str(rates[0])}
    given |= {"SAMPLE_RATE_DEBUG": str(rates[1])} if rates[1] is not None else {}
    settings, _ = read_settings({f"{PREFIX}{key}": value for key, value in given.items()})
    tally = Tally()
    replay = Replay(settings, tally, environment_id="e")
    lines = [json.dumps({"level": level, "correlation_id": name}) for level in LEVELS]
    replay.take(posted("459921b5", *lines))
    replay.close()

    text = sentence(correlation=name, **given)

    if "kept whole" in text.partition(", ")[0]:
        assert tally.kept_lines == len(LEVELS)
    elif "is dropped" in text:
        assert tally.kept_lines == 0
    else:
        assert 0 < tally.kept_lines < len(LEVELS)
        assert tally.kept_lines == sum(level in text for level in LEVELS)


def test_explain_tells_the_kinds_of_ids_apart() -> None:
    """A correlation id decides by itself, and only the beginning of a long one counts."""
    text = explained(TRACE, REQUEST, "order-17", correlation="order-17")

    assert correlated("order-17").randomness == probability.randomness_of(
        trace_id=TRACE, request_id="r", correlation_id="order-17"
    )
    assert correlated("x" * 999).correlation_id == "x" * MAX_ID_CHARS
    counts = [text.count(f"Read as a {kind} id") for kind in ("trace", "request", "correlation")]
    assert counts == [1, 2, 1]
    assert text.count("It does not look like a request id of Lambda") == 1


@pytest.mark.parametrize("given", ["Root=1-2;Sampled=1", ""])
def test_explain_says_that_a_text_holds_no_id(given: str) -> None:
    """A verdict on a malformed header would be one on nothing."""
    assert "This text holds no id" in explained(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"KEEP_AT_MOST": "1/m"}, "as far as KEEP_AT_MOST allows"),
        ({"HISTORY": "3"}, "If one of the next 3 invocations in its environment fails"),
        ({"HISTORY": "ssm:/shop/history"}, "Defaults replace HISTORY,"),
        ({"REDACT": "ssm:/r"}, "The extension delivers nothing until it has fetched REDACT"),
        ({"REDACT": "emials"}, "Consequence: every line is masked as a whole"),
    ],
)
def test_explain_mentions_settings_that_change_the_outcome(
    given: dict[str, str], said: str
) -> None:
    """Each may change what becomes of an invocation later."""
    assert said in " ".join(explained(TRACE, **given).split())


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("REDACT", "emials", [ALL_MASKED, "--env, see Problems"]),
        ("REDACT", '["emails", "("]', [ALL_MASKED, "--env, see Problems"]),
        (
            "REDACT",
            '["card-number, emails", "(hunter2)", "x+"]',
            ["card-numbers, emails and 2 patterns", "--env"],
        ),
        ("EXCLUDE", '["a", "("]', ["1 pattern", "--env, see Problems"]),
        ("EXCLUDE", "(", ["(none)", "--env, see Problems"]),
        ("BUFFER_SIZE", "100MiB", ["64MiB", "--env, cut: see Problems"]),
        ("BUFFER_SIZE", "much", ["16MiB", "default, see Problems"]),
    ],
)
def test_explain_shows_the_value_in_force(name: str, value: str, shown: list[str]) -> None:
    """A bad REDACT masks everything, a cut size is no default, and patterns are named without their text."""
    text = explained(**{name: value})

    assert row(text, name) == shown
    assert "hunter2" not in text


def test_explain_wraps_a_long_value() -> None:
    """A part of a setting in force must not be cut off."""
    text = explained(CORRELATION_FIELDS=",".join(f"field-number-{n}" for n in range(12)))

    assert "field-number-11" in text
    assert "..." not in text.partition("\n")[2].replace("FLIGHT_RECORDER_...", "")
    assert max(len(line) for line in text.splitlines()) <= WIDTH


@pytest.mark.parametrize("rate", [0.2832, 0.2833])
def test_least_rate_is_the_one_that_keeps(rate: float) -> None:
    """The shown percentage keeps the transaction, and a hundredth of a percent less does not."""
    assert probability.keeps(R, rate=rate) == (rate == 0.2833)


def test_command_returns_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts see 0 when all is well, 1 for an unusable setting, 2 for a usage error."""
    monkeypatch.setenv(f"{PREFIX}SAMPLE_RATE", "5%")
    words = [
        [TRACE],
        ["--env", "SAMPLE_RATE=12"],
        ["--configuration", str(tmp_path / "absent")],
        [TRACE, "--correlation", "order-17", "another", "--correlation", "order-18"],
    ]

    assert [main(one) for one in words] == [0, 1, 2, 0]
    assert "this shell's environment" in capsys.readouterr().out
