from __future__ import annotations

from typing import Any

import pytest

from attach.plan.statements import (
    allows_own_log_group,
    denies,
    deny_of_own_log_group,
    kept_groups,
    of_sinks,
    own_log_group,
    shares_own_log_group,
    statements_of,
    without_denies,
    without_own_log_group,
)
from extension.config.settings import read_settings
from tests.doubles.shop_function import FUNCTION
from tests.templates.attached import SINKS, documented, normal

PAGES = {"cloudwatch": "cloudwatch", "s3": "s3", "firehose": "firehose"}


def of(**settings: str) -> list[dict[str, Any]]:
    found, problems = read_settings(
        {f"FLIGHT_RECORDER_{name}": text for name, text in settings.items()}
    )
    assert problems == []
    return of_sinks(FUNCTION, found)


@pytest.mark.parametrize("sink", list(PAGES))
def test_statement_is_that_of_the_sinks_page(sink: str) -> None:
    """But for the group, which is made beforehand."""
    (statement,) = of(SINK=SINKS[sink])

    [page] = documented(sink, "Permissions", "shop")
    page["Action"] = [one for one in page["Action"] if one != "logs:CreateLogGroup"]
    assert normal(statement) == page


def test_own_log_group_is_that_of_the_sinks_page() -> None:
    """It names the one group, of roles that others share."""
    assert [own_log_group(FUNCTION, "Deny")] == documented("s3", "Stop paying for the rest", "shop")


@pytest.mark.parametrize("sink", ["own+cloudwatch:", "records+own+cloudwatch:/aws/lambda/shop"])
def test_shared_log_group_has_the_statements_of_its_section(sink: str) -> None:
    """Lambda's streams are denied, and the recorder's allowed; with any other sink the whole group is denied."""
    settings, _ = read_settings(
        {"FLIGHT_RECORDER_SINK": sink, "FLIGHT_RECORDER_ARCHIVE_SINK": "s3://a-bucket"}
    )
    others, _ = read_settings({"FLIGHT_RECORDER_SINK": "cloudwatch:"})

    deny = deny_of_own_log_group(FUNCTION, settings)
    allow, archive = of_sinks(FUNCTION, settings)

    assert [deny, allow] == documented("cloudwatch", "In the function's own log group", "shop")
    assert archive["Action"] == "s3:PutObject"
    assert kept_groups(FUNCTION, settings) == ["/aws/lambda/shop"]
    assert denies([deny])
    assert shares_own_log_group(settings)
    assert not shares_own_log_group(others)
    assert deny_of_own_log_group(FUNCTION, others) == own_log_group(FUNCTION, "Deny")


def test_all_sinks_get_their_permissions() -> None:
    """FALLBACK_SINK and ARCHIVE_SINK too; an access point and another account's group by their ARNs."""
    theirs = "arn:aws:logs:us-east-1:210987654321:log-group:/theirs"
    point = "arn:aws:s3:eu-west-1:123456789012:accesspoint/point"

    found = of(
        SINK="https://h.example.com",
        FALLBACK_SINK=f"s3://{point}/logs",
        ARCHIVE_SINK=f"records+cloudwatch:{theirs}",
        RETENTION_DAYS="7",
    )

    assert [one["Resource"] for one in found] == [
        f"{point}/object/logs/*",
        [theirs, f"{theirs}:*"],
        theirs,
    ]
    assert found[2]["Action"] == "logs:PutRetentionPolicy"


def test_groups_beside_the_function_are_made() -> None:
    """Not those of another account."""
    theirs = "arn:aws:logs:us-east-1:210987654321:log-group:/theirs"
    settings, _ = read_settings(
        {
            "FLIGHT_RECORDER_SINK": "cloudwatch:/kept",
            "FLIGHT_RECORDER_ARCHIVE_SINK": f"cloudwatch:{theirs}",
        }
    )

    assert kept_groups(FUNCTION, settings) == ["/kept"]


def test_denies_are_told_from_the_rest() -> None:
    """A policy of one statement may have no list."""
    deny, allow = own_log_group(FUNCTION, "Deny"), own_log_group(FUNCTION, "Allow")

    assert denies([allow, deny])
    assert without_denies([allow, deny]) == [allow]
    sink = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
    assert without_own_log_group([allow, deny, sink], FUNCTION) == [sink]
    assert allows_own_log_group([allow], FUNCTION)
    assert not allows_own_log_group([deny], FUNCTION)
    assert statements_of({"Statement": deny}) == [deny]
    assert statements_of(None) == []
