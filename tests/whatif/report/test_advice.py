from dataclasses import replace

import pytest

from extension import PREFIX
from tests.doubles.studies import study_missed, study_shop
from whatif.model.net import Account
from whatif.model.prices import TB
from whatif.report.advice import Advice, advice_of
from whatif.report.view import View, view_of

LITTLE, OWN, VOLUME, HTTP = (
    "Functions that write little",
    "Python or TypeScript with handlers of your own",
    "More than 50 TB a month in an account",
    "Failures that are HTTP answers without a level",
)


def by_case(view: View) -> dict[str, Advice]:
    return {one.case: one for one in view.advice}


def test_advice_has_every_case_those_that_apply_first() -> None:
    """The shop writes little, and its failures are of all kinds."""
    view = view_of(study_shop())

    assert [(one.case, one.applies) for one in view.advice] == [
        (LITTLE, True),
        (OWN, False),
        (VOLUME, False),
        (HTTP, False),
    ]


def test_advice_against_a_function_that_writes_little_compares_the_nets() -> None:
    """A log of a million times the size saves more with the recorder than with any class."""
    view = view_of(study_shop())
    native = {name: usd * 1e6 for name, usd in view.costs.native.items()}

    many = advice_of(view.best, view.own, replace(view.costs, native=native), view.missed)

    assert by_case(view)[LITTLE].text.startswith("The Infrequent Access class saves $0.0025")
    assert not next(one for one in many if one.case == LITTLE).applies


@pytest.mark.parametrize(
    ("failures", "applies", "told"),
    [
        ({"python-exception": 3, "timeout": 2}, False, "3 of 5 failures"),
        ({"python-exception": 3, "level-error": 1}, True, "4 of 4 failures"),
        ({}, False, "0 of 0 failures"),
    ],
)
def test_advice_counts_what_a_buffer_in_the_process_would_lose(
    failures: dict[str, int],
    applies: bool,
    told: str,
) -> None:
    """It has every failure after which the process goes on."""
    view = view_of(study_shop())

    found = advice_of(view.best, replace(view.own, failures=failures), view.costs, view.missed)

    one = next(one for one in found if one.case == OWN)
    assert (one.applies, told in one.text) == (applies, True)


def test_advice_knows_the_tier_of_the_account() -> None:
    """Beyond 50 TB what is kept costs more than what is saved."""
    one = by_case(view_of(study_shop(), Account(other_bytes=60 * TB)))[VOLUME]

    assert one.applies
    assert "At 60 TB, the last GB costs $0.05." in one.text


def test_advice_counts_http_answers_without_a_level() -> None:
    """The missed shop has one of these."""
    one = by_case(view_of(study_missed(environ={f"{PREFIX}SAMPLE_RATE": "0"})))[HTTP]

    assert one.applies
    assert one.text.startswith("1 invocation told of a status 5xx")
