"""Test how the demo's results are set."""

from emulator.demo import report
from emulator.demo.plan import FUNCTIONS
from emulator.demo.run import FunctionRun
from terminal.layout import WIDTH
from tests.doubles.emulator.demo_rows import SAMPLED, make_row


def test_function_that_cannot_run_is_left_out_with_the_reason() -> None:
    """A function's name stands in quotes: one is called prices."""
    lines = report.left_out(FUNCTIONS["nodejs"], "npm error ./buildconf: 4: autoreconf: not found")

    text = " ".join(lines)
    assert text.startswith(
        "The demo's function \"prices\" (Node.js, AWS's aws-lambda-ric) is left out, because its runtime client is not"
        " here: npm error ./buildconf"
    )
    assert max(map(len, lines)) <= WIDTH


def test_bill_begins_with_a_rare_failure_in_the_default_sink() -> None:
    """A demo fails far more often than a function, and would seem to cost more."""
    rows = [make_row(), make_row(mishap="fine", trace_id=SAMPLED), make_row(mishap="fine", kept=())]
    run = FunctionRun(FUNCTIONS["python"], tuple(rows), ())

    lines = report.bill([run], wire_bytes=321)

    assert lines[0].startswith("in CloudWatch, as the default sink writes")
    assert lines[2].startswith("USD for a million, 1% failed")
    assert lines[3].startswith("USD for a million, 33% failed")
    assert any("321 bytes on the way" in line for line in lines)
    assert "./build.sh whatif" in " ".join(lines)
