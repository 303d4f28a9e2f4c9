"""What Lambda tells of the environment: its init, and what was lost on the way."""

import pytest

from tests.extension.recorder.script import Case

CASES: dict[str, Case] = {
    "an init that failed": Case("import init-failed", "import", {}, "init-error"),
    "an init that failed within the running invocation": Case(
        "invoke start again | init-failed-again", "again", {"correlation_fields": ()}, "init-error"
    ),
    "an init that failed behind an invocation": Case(
        "invoke start a done | report again init-failed-again", "", {}, "init-error"
    ),
    "lost logs of the running invocation": Case(
        "invoke start a logs-dropped done | report", "a", {}, "logs-dropped"
    ),
    "lost logs before an invocation": Case(
        "invoke start a done | report logs-dropped | invoke2 start2 b2 done2",
        "b2/2",
        {},
        "logs-dropped",
    ),
    "a failed extension": Case(
        "extension-failed | invoke start a done | report", "a", {}, "extension-failed"
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_event_of_the_environment_is_a_sign_or_a_failure(case: Case) -> None:
    """It names no invocation: it is the running one's, or the next one's, or init's."""
    case.check()
