"""The reference pages are those of the code, whatever is added to it."""

import re
from pathlib import Path

from docs_site.reference import reference_pages
from extension.config.variables import SETTINGS
from extension.diagnostics.metrics import METRICS

ROOT = Path(__file__).resolve().parents[2]
PAGES = reference_pages(ROOT)


def test_every_setting_has_its_part() -> None:
    page = PAGES["settings.md"]

    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == sorted(one.name for one in SETTINGS)
    assert "- Variable: `FLIGHT_RECORDER_SAMPLE_RATE`\n- Default: `0.1`\n" in page
    assert page.count("shown nowhere") == sum(one.secret for one in SETTINGS)


def test_every_reason_of_the_readme_is_there() -> None:
    """Those of failures and those of rules, each under its heading."""
    failures, rules = PAGES["reasons.md"].split("## Healthy invocations")

    assert "`timeout-message`" in failures
    assert "`python-exception`" in failures
    assert "`cold-start`" in rules
    assert "KEEP_SLOWER_THAN" in rules
    assert [part.count("\n|---|") for part in (failures, rules)] == [1, 1]


def test_every_metric_has_a_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGES["metrics.md"], re.MULTILINE)

    assert rows == [(one.name, one.unit) for one in METRICS]
