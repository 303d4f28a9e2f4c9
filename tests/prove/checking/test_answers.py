from __future__ import annotations

from prove.checking.answers import Seen, answers

(INSTANCE, SCHEMA, TMP, REPORT, DENY, STREAMS) = range(6)


def answered(*seen: Seen) -> list[str]:
    return [answer for _, answer in answers(seen)]


def test_what_was_not_seen_is_not_answered() -> None:
    """The Deny alone is seen by what is not there."""
    found = answered(Seen("f"))

    assert [one.startswith("not seen in this run") for one in found] == [
        *(True, True, True, True),
        *(False, True),
    ]
    assert all(one.startswith("not seen") for one in answered())


def test_stream_of_the_name_that_lambda_gave_tells_of_instance_id() -> None:
    assert answered(Seen("f", streams=[("a", "a")]))[INSTANCE].startswith("yes: ")
    assert answered(Seen("f", streams=[("a", "a"), ("b", "c")]))[INSTANCE].startswith("not always")


def test_subscription_is_told_by_the_members_of_events() -> None:
    done, end = "platform.runtimeDone", "platform.end"
    found = answered(
        Seen("a", platform=[(done, {"status": "success"}), (end, {})]),
        Seen(
            "b",
            platform=[(done, {"metrics": {}}), ("platform.report", "text")],
            log_api="telemetry",
        ),
    )

    assert found[SCHEMA] == (
        "with LOG_API=auto the Logs API with schema 2021-03-18, as runtimeDone has no metrics;"
        " with LOG_API=telemetry the Telemetry API, as runtimeDone has metrics"
    )
    assert "2020-08-15" in answered(Seen("a", platform=[(end, {})]))[SCHEMA]


def test_mark_in_tmp_counts_where_the_stream_is_the_same() -> None:
    found = answered(Seen("f", looks=[("a", "a"), ("", "b"), ("", "c")]))[TMP]

    assert "after 3 resets" in found
    assert "there 1 times" in found
    assert "2 times gone" in found


def test_reports_are_counted_over_all_functions() -> None:
    found = answered(Seen("f", reports=[True, False]), Seen("g", reports=[True]))

    assert found[REPORT].startswith("2 of 3 were")


def test_stream_in_the_own_log_group_breaks_the_deny() -> None:
    assert answered(Seen("f"), Seen("g", own_streams=[]))[DENY].startswith("yes")
    assert answered(Seen("f", own_streams=["2026/11/30/x"]))[DENY].endswith("group of f")


def test_stream_that_begins_with_the_year_breaks_the_deny_of_streams() -> None:
    ours = Seen("f", sink="own", own_streams=["flight-recorder/2026/11/30/x"])
    lambdas = Seen("g", sink="own", own_streams=["2026/11/30/x"])

    assert answered(ours)[STREAMS].startswith("yes: none of 1")
    assert answered(ours, lambdas)[STREAMS].endswith("in the groups of g")
