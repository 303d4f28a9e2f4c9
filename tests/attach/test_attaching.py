"""Attaching a function: what is there afterwards, and what others did meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from attach.plan.alarms import alarms
from attach.plan.model import read_function
from tests.services.aws import ACCOUNT, REGION, control_plane, moto
from tests.services.aws_command import run_tool
from tests.services.functions import (
    PYTHONS,
    SECRET,
    Made,
    make_function,
    publish_layer,
)
from tests.templates.attached import (
    LAYER,
    SINKS,
    TOPIC,
    Attached,
    check,
    check_dashboard,
    normal,
)
from tests.templates.validators import ROOT, TEMPLATES, ask, aws_environ

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

READ_BACK = """
cloudwatch = client("cloudwatch")
answer = {
    "groups": client("logs").describe_log_groups()["logGroups"],
    "alarms": cloudwatch.describe_alarms()["MetricAlarms"],
    "dashboards": {
        one["DashboardName"]: cloudwatch.get_dashboard(DashboardName=one["DashboardName"])["DashboardBody"]
        for one in cloudwatch.list_dashboards()["DashboardEntries"]
    },
}
"""

PUT_ALARM = """
cloudwatch = client("cloudwatch")
cloudwatch.put_metric_alarm(**alarm)
answer = cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"]])["MetricAlarms"][0]
"""

OWN_ALARMS = ("--metrics-fleet", "")
"""For a function that shares no metrics."""

CHANGES = ("put-", "create-", "update-", "delete-")


@pytest.fixture
def layer() -> str:
    return publish_layer(CompatibleRuntimes=PYTHONS, CompatibleArchitectures=["x86_64", "arm64"])


def attached(made: Made, layer: str) -> Attached:
    """Read back what a function is attached with, as the templates' contract has it."""
    found = ask(control_plane(), READ_BACK)
    variables = made.variables
    assert variables.pop("PASSWORD") == SECRET
    return Attached(
        function=made.name,
        environment=variables,
        layers=[LAYER if one == layer else one for one in made.layers],
        statements=[normal(one) for one in made.policies[f"flight-recorder-{made.name}"]],
        retention_days={
            one["logGroupName"]: one.get("retentionInDays", 0)
            for one in found["groups"]
            if one["logGroupName"].endswith(f"/{made.name}")
        },
        alarms={
            one["AlarmName"]: _with_metrics(one, made)
            for one in found["alarms"]
            if one["AlarmName"].startswith(f"{made.name}-")
        },
        dashboards={
            name: body for name, body in found["dashboards"].items() if name.endswith(made.name)
        },
    )


def _with_metrics(alarm: dict[str, Any], made: Made) -> dict[str, Any]:
    """Give an alarm with its expression: ministack stores none, so moto is asked to take the same alarm."""
    if alarm.get("MetricName"):
        return alarm
    whole = {one["AlarmName"]: one for one in alarms(read_function(made.configuration), "")}
    stored: dict[str, Any] = ask(moto(), PUT_ALARM, alarm=whole[alarm["AlarmName"]])
    return alarm | {"Metrics": stored["Metrics"]}


def test_attach_and_detach_with_the_aws_command_itself(layer: str) -> None:
    """All other tests run its code in forks of one process."""
    made = make_function()
    before = (made.layers, made.variables, made.policies)
    more = ["--alarm-topic", TOPIC, "--dashboard", str(TEMPLATES / "dashboard.json")]
    more += ["--metrics-fleet", ""]
    environ = aws_environ(control_plane())

    def real(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "attach", *words]
        return subprocess.run(
            command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False
        )

    done = real("attach", "--functions", made.name, *more, layer)
    assert done.returncode == 0, done.stdout + done.stderr
    found = attached(made, layer)
    check(found, "cloudwatch", topic=TOPIC, fleet="")
    check_dashboard(found)
    assert SECRET not in done.stdout + done.stderr

    done = real("detach", "--functions", made.name, "--iam-wait", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (made.layers, made.variables, made.policies) == before
    left = ask(control_plane(), READ_BACK)
    assert f"/flight-recorder/{made.name}" in [one["logGroupName"] for one in left["groups"]]
    assert not [one for one in left["alarms"] if made.name in one["AlarmName"]]
    assert not [name for name in left["dashboards"] if made.name in name]


@pytest.mark.parametrize("sink", ["s3", "http"])
def test_role_gets_what_the_sink_needs_and_no_more(sink: str, layer: str) -> None:
    """The same as the templates make."""
    made = make_function()

    done = run_tool("attach", "--functions", made.name, "--sink", SINKS[sink], layer)

    assert done.status == 0, done.out
    assert "no alarms: neither the sink nor" in done.err
    check(attached(made, layer), sink)


def test_own_log_group_may_stay_allowed(layer: str) -> None:
    """Then alarms ring whatever the sink; another run keeps that."""
    made = make_function()
    words = ["attach", "--functions", made.name, "--sink", SINKS["firehose"], layer]

    assert run_tool(*words, "--own-log-group", "allow").status == 0
    check(attached(made, layer), "firehose", own_log_group="allow")
    assert run_tool("attach", "--functions", made.name, layer).status == 0
    check(attached(made, layer), "firehose", own_log_group="allow")
    assert not made.is_denied()


def test_own_log_group_may_be_shared(layer: str) -> None:
    """Another run keeps that, and a sink that is named leads out of it. Detach leaves the function as it was."""
    made = make_function()
    before = (made.layers, made.variables, made.policies)
    words = ["attach", "--functions", made.name, layer]

    done = run_tool(*words, "--own-log-group", "share")
    assert done.status == 0, done.out
    assert "is denied to Lambda, and not to the recorder" in done.err
    check(attached(made, layer), "cloudwatch", own_log_group="share")
    assert made.is_denied()
    assert run_tool(*words).status == 0
    check(attached(made, layer), "cloudwatch", own_log_group="share")
    assert run_tool(*words, "--sink", "cloudwatch:").status == 0
    out = attached(made, layer)
    out.retention_days.pop(f"/aws/lambda/{made.name}")
    check(out, "cloudwatch")
    assert run_tool(*words, "--own-log-group", "share").status == 0
    assert run_tool("detach", "--functions", made.name, "--iam-wait", "0").status == 0
    assert (made.layers, made.variables, made.policies) == before


def test_function_changes_its_sink_and_its_layer(layer: str) -> None:
    """What no option names stays, other layers too, and no alarm stays that could not ring."""
    other = publish_layer("others")
    made = make_function(Layers=[other])
    first = ["attach", "--functions", made.name, "--sample-rate", "0.5", "--set", "HISTORY=3"]
    assert run_tool(*first, layer).status == 0
    newer = publish_layer(CompatibleRuntimes=PYTHONS)

    done = run_tool("attach", "--functions", made.name, "--sink", SINKS["firehose"], newer)

    assert done.status == 0, done.out
    assert made.layers == [other, newer]
    assert made.is_denied()
    assert made.variables == {
        "PASSWORD": SECRET,
        "FLIGHT_RECORDER_SINK": SINKS["firehose"],
        "FLIGHT_RECORDER_SAMPLE_RATE": "0.5",
        "FLIGHT_RECORDER_HISTORY": "3",
        "FLIGHT_RECORDER_METRICS": "off",
    }
    assert attached(made, newer).alarms == {}


def test_retention_of_a_group_that_is_there_changes_if_it_is_asked_for(layer: str) -> None:
    """And goes back when all is undone. An own log group keeps its events as long as it did."""
    made = make_function()
    kept, own = f"/flight-recorder/{made.name}", f"/aws/lambda/{made.name}"
    for group in (kept, own):
        control_plane().call("Logs_20140328.CreateLogGroup", logGroupName=group)
    words = ["attach", "--functions", made.name, "--own-log-group", "allow", layer]

    assert run_tool(*words).status == 0
    assert attached(made, layer).retention_days == {kept: 0, own: 0}
    failed = run_tool(*words, "--retention-days", "7", "--set", "HISTORY=1", fault="fail-12")
    assert "log group /flight-recorder/" in failed.err
    assert failed.status == 1
    assert attached(made, layer).retention_days == {kept: 0, own: 0}
    assert run_tool(*words, "--retention-days", "7").status == 0
    assert attached(made, layer).retention_days == {kept: 7, own: 0}


def test_attaching_again_changes_nothing(layer: str) -> None:
    """A second run only looks, and puts the alarms."""
    made = make_function()
    assert run_tool("attach", "--functions", made.name, *OWN_ALARMS, layer).status == 0

    done = run_tool("attach", "--functions", made.name, layer)

    assert done.status == 0, done.out
    assert {one for one in done.actions if one.startswith(CHANGES)} == {"put-metric-alarm"}


def test_dry_run_tells_the_steps_and_changes_nothing(layer: str) -> None:
    """The Deny is the last one."""
    made = make_function()

    done = run_tool("attach", "--functions", made.name, "--dry-run", layer)

    assert done.status == 0, done.out
    assert "nothing was changed" in done.out
    steps = [line for line in done.err.splitlines() if "would " in line]
    assert f"would deny role {made.role}" in steps[-1]
    assert not [one for one in done.actions if one.startswith(CHANGES)]


# What others do meanwhile -----------------------------------------------------------------------------------------------


def update(made: Made, **given: Any) -> list[str]:
    """Give the command by which somebody else changes a function."""
    text = json.dumps({"FunctionName": made.name, **given})
    return ["lambda", "update-function-configuration", "--cli-input-json", text, "--region", REGION]


def test_change_of_somebody_else_is_never_overwritten(layer: str) -> None:
    """The revision is no more the newest, so the function is read again and the change made anew."""
    made = make_function()
    theirs = update(made, Environment={"Variables": {"PASSWORD": SECRET, "THEIRS": "1"}})

    done = run_tool(
        *("attach", "--functions", made.name, layer),
        aside=[("put-role-policy", "before", theirs), ("put-role-policy", "before", theirs)],
    )

    assert done.status == 0, done.out
    assert made.variables["THEIRS"] == "1"
    assert made.is_denied()


def test_stale_revision_is_refused_and_read_again(layer: str) -> None:
    """The change comes right before the update."""
    made = make_function()
    theirs = update(made, Description="theirs")

    done = run_tool(
        *("attach", "--functions", made.name, layer),
        aside=[("update-function-configuration", "before", theirs)],
    )

    # They change it each time, so this run gives up.
    assert done.status == 1
    assert done.err.count("somebody else changed the function meanwhile (PreconditionFailed") == 2
    assert "All that was done is undone" in done.out
    assert (made.layers, list(made.policies)) == ([], ["basic"])


@pytest.mark.parametrize("moment", ["put-metric-alarm", "put-role-policy"])
def test_deny_does_not_stay_without_the_layer(moment: str, layer: str) -> None:
    """Somebody takes the layer off right before the Deny, or right after it."""
    made = make_function()

    done = run_tool(
        *("attach", "--functions", made.name, "--iam-wait", "0", *OWN_ALARMS, layer),
        aside=[(moment, "after", update(made, Layers=[]))],
    )

    assert done.status == 1
    assert "somebody else has taken the layer off meanwhile" in done.out
    assert not made.is_denied()
    assert not made.logs_nowhere()


def test_answer_that_nobody_thought_of_is_undone_too(layer: str) -> None:
    """Such an error is named, and its text is not shown."""
    made = make_function()

    done = run_tool(
        *("attach", "--functions", made.name, layer), aside=[("describe-alarms", "instead", 5)]
    )

    assert done.status == 1
    assert "FAILED: unexpected TypeError. All that was done is undone. State: " in done.out
    assert (made.layers, list(made.policies)) == ([], ["basic"])


def test_function_that_logs_nowhere_is_mended(layer: str) -> None:
    """A Deny without the layer goes at once, and comes back when the layer is seen."""
    made = make_function()
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{made.name}"
    deny = {"Effect": "Deny", "Action": ["logs:PutLogEvents"], "Resource": [group, f"{group}:*"]}
    made.put_policy(f"flight-recorder-{made.name}", deny)
    assert made.logs_nowhere()

    failed = run_tool("attach", "--functions", made.name, layer, fault="fail-12")
    assert failed.status == 1
    assert not made.logs_nowhere()
    assert run_tool("attach", "--functions", made.name, layer).status == 0
    assert (made.is_denied(), made.layers) == (True, [layer])


# Seeing a line ----------------------------------------------------------------------------------------------------------


def test_deny_waits_for_a_line(layer: str) -> None:
    """The first invocation of each environment is kept meanwhile, and the setting is as it was after that."""
    made = make_function()
    group = f"/flight-recorder/{made.name}"
    names = ["--log-group-name", group, "--log-stream-name", "s", "--region", REGION]
    line = [{"timestamp": _now_ms(), "message": "a line"}]
    recorded = [
        ("invoke", "after", ["logs", "create-log-stream", *names]),
        ("invoke", "after", ["logs", "put-log-events", *names, "--log-events", json.dumps(line)]),
    ]

    done = run_tool(
        *("attach", "--functions", made.name, "--invoke", '{"id": 1}', layer), aside=recorded
    )

    assert done.status == 0, done.out
    assert done.actions.count("update-function-configuration") == 2
    deny = max(at for at, one in enumerate(done.actions) if one == "put-role-policy")
    assert done.actions.index("filter-log-events") < deny
    assert f"the recorder has delivered to {group}" in done.err
    assert "FLIGHT_RECORDER_KEEP_COLD_STARTS" not in made.variables
    assert made.is_denied()


def test_without_a_line_there_is_no_deny(layer: str) -> None:
    """All is undone."""
    made = make_function()

    done = run_tool(
        *("attach", "--functions", made.name, "--wait-for-line", "--line-timeout", "1", layer)
    )

    assert done.status == 1
    assert "the recorder delivered nothing to" in done.out
    assert (made.layers, list(made.variables), list(made.policies)) == ([], ["PASSWORD"], ["basic"])


def _now_ms() -> int:
    return int(subprocess.check_output(["date", "+%s"])) * 1000


# Secrets ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["", "fail-12", "lost-12"])
def test_no_secret_is_on_a_command_line_or_in_the_output(fault: str, layer: str) -> None:
    """Those of the function, and those that are set."""
    made = make_function()
    token = "Authorization=Bearer abcdef0123456789"

    done = run_tool(
        *("attach", "--functions", made.name, "--set", "SINK_HEADERS", layer),
        fault=fault,
        FLIGHT_RECORDER_SINK_HEADERS=token,
    )

    assert bool(done.status) == bool(fault)
    if not fault:
        assert made.variables["FLIGHT_RECORDER_SINK_HEADERS"] == token
    words = [word for command in done.commands for word in command]
    for secret in (SECRET, json.dumps(SECRET)[1:-1], "abcdef0123456789"):
        assert secret not in done.out + done.err
        assert not [word for word in words if secret in word]


def test_lambdas_error_that_shows_all_variables_is_cut(layer: str) -> None:
    """`String measured:` comes with the variables as JSON; the emulator has no such error, so it is made up."""
    from attach.cloud.command import Aws, Stop

    aws = Aws("", "", Stop(), print)
    aws.hide({"PASSWORD": SECRET, "FLAG": "on"})
    text = f"exceeded the 4KB limit: {SECRET} on. String measured: {json.dumps({'P': SECRET})}"

    assert aws._masked(text) == "exceeded the 4KB limit: *** on. (not shown)"
