from typing import Any

import pytest

from bench.fleet.tables import NAMES, filled, names, seconds, share

PAGE = """# A page

<!-- fleet: run -->
| old |
<!-- end -->

Words stay.

<!-- fleet: looped -->
<!-- end -->
"""
RUN = {
    "rows": [
        {
            "scenario": "crash",
            "figure": "delivered",
            "run": 1.0,
            "simulated": 0.98765,
            "least": 0.9,
            "most": 1.0,
            "agrees": True,
        }
    ]
}
LOOPED = [{"environments": 1_000, "crashes_per_s": 499.6, "delivered": 1.0, "streams": 1_000}]


def test_page_gets_its_tables_from_the_results() -> None:
    """Everything else stays, and a second time changes nothing."""
    results: dict[str, Any] = {name: [] for name in (*NAMES, "rows")} | {"looped": LOOPED}
    page = filled(PAGE, results, RUN)

    assert "| crash | delivered | 1.00 | 0.988 | 0.900 | 1.00 | yes |" in page
    assert "| 1,000 | 500 | all | 1,000 |" in page
    assert "old" not in page
    assert page.startswith("# A page\n\n<!-- fleet: run -->\n")
    assert "\n\nWords stay.\n\n" in page
    assert filled(page, results, RUN) == page
    assert names(page) == ["run", "looped"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0, "none"),
        (1.0, "all"),
        (0.9996, "> 99.9 %"),
        (0.997, "99.7 %"),
        (0.5454, "55 %"),
        (0.0706, "7.1 %"),
        (0.0004, "< 0.1 %"),
    ],
)
def test_share_is_all_or_none_only_where_it_is(value: float, told: str) -> None:
    """A rounded figure must not promise more than was seen."""
    assert share(value) == told


def test_short_times_have_a_decimal() -> None:
    """Long ones have none."""
    assert [seconds(value) for value in (0.26, 9.94, 31.4)] == ["0.3 s", "9.9 s", "31 s"]
