import pytest

from extension import PREFIX
from extension.config.settings import read_settings
from whatif.model.problems import fault_text, problem_text


@pytest.mark.parametrize(
    ("name", "value", "fault", "told"),
    [
        (
            "FLUSH",
            "never",
            "FLUSH=never cannot be used; accepted: end, background or adaptive",
            "FLUSH=never cannot be used. Accepted: end, background or adaptive. Used instead: adaptive.",
        ),
        (
            "EXCLUDE",
            "(",
            "EXCLUDE cannot be used: pattern 1: no regular expression",
            "EXCLUDE: pattern 1: no regular expression. Consequence: nothing is excluded by it.",
        ),
        (
            "SAMPEL_RATE",
            "1",
            f"SAMPEL_RATE: perhaps {PREFIX}SAMPLE_RATE was meant",
            f"SAMPEL_RATE: perhaps {PREFIX}SAMPLE_RATE was meant. It has no effect.",
        ),
    ],
)
def test_problem_reads_as_a_sentence(name: str, value: str, fault: str, told: str) -> None:
    """A bad value, a bad pattern among several and a misspelt name differ in their words."""
    (problem,) = read_settings({PREFIX + name: value})[1]

    assert fault_text(problem) == PREFIX + fault
    assert problem_text(problem) == PREFIX + told
