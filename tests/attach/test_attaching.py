"""Attaching a function: what is there afterwards, what is refused, and what others did meanwhile."""

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
    VERSION,
    Made,
    make_function,
    make_role,
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
    environ = aws_environ(control_plane())

    def real(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "attach", *words]
        return subprocess.run(
            command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False
        )

    done = real("attach", "--functions", made.name, *more, layer)
    assert done.returncode == 0, done.stdout + done.stderr
    found = attached(made, layer)
    check(found, "cloudwatch", topic=TOPIC)
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
    assert run_tool("attach", "--functions", made.name, layer).status == 0

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
        *("attach", "--functions", made.name, "--iam-wait", "0", layer),
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


# Refused ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "words", "said"),
    [
        ({"Runtime": "nodejs22.x"}, [], "attach the standalone layer of its architecture"),
        (
            {"Architectures": ["arm64"]},
            [],
            "the layer is for x86_64, and the function runs on arm64",
        ),
        ({"Environment": {"Variables": {"A": "x" * 4000}}}, [], "and Lambda takes 4096"),
        ({}, ["--set", "ENABLED=false"], "ENABLED is false"),
        ({}, ["--sink", "stdout:"], "its lines would be nowhere"),
        (
            {"LoggingConfig": {"LogGroup": "/all"}},
            ["--sink", "cloudwatch:/all"],
            "a sink is the function's own log group /all",
        ),
        ({}, ["--set", "BUFFER_SIZE=100MiB"], "at most half of the function's memory, 64MiB"),
        ({}, ["--sink", "s3://my-logs/c", "--wait-for-line"], "can see lines in CloudWatch alone"),
    ],
    ids=str,
)
def test_obstacle_is_found_before_anything_is_changed(
    function: dict[str, Any], words: list[str], said: str
) -> None:
    """One line says what stands against it."""
    layer = publish_layer(CompatibleRuntimes=PYTHONS, CompatibleArchitectures=["x86_64"])
    made = make_function(**function)

    done = run_tool("attach", "--functions", made.name, *words, layer)

    assert done.status == 1
    assert said in done.out
    assert "Nothing was changed" in done.out
    assert not [one for one in done.actions if one.startswith(CHANGES)]


def test_sixth_layer_and_layer_of_another_region_are_refused(layer: str) -> None:
    """Both at once."""
    five = [publish_layer(f"other{number}") for number in range(5)]
    made = make_function(Layers=five)

    done = run_tool("attach", "--functions", made.name, layer.replace(REGION, "us-east-1"))

    assert "the layer is in us-east-1 and the function in eu-west-1" in done.out
    assert "a function takes 5 layers, and this one has other0:1, other1:1" in done.out


def test_container_image_is_refused(layer: str) -> None:
    """It takes no layers."""
    made = make_function(PackageType="Image", Code={"ImageUri": "a.dkr.ecr/b:1"})

    done = run_tool("attach", "--functions", made.name, layer)

    assert "a container image takes no layers" in done.out


# Versions ---------------------------------------------------------------------------------------------------------------


def test_deny_is_refused_while_an_alias_points_to_a_version_without_the_layer(layer: str) -> None:
    """The page on rollbacks has the way that the message names."""
    made = make_function()
    made.publish("live")
    words = ["attach", "--functions", made.name, layer]

    refused = run_tool(*words)
    assert refused.status == 1
    assert (
        "without the layer are version 1 (alias live): with the Deny they would log" in refused.out
    )
    assert made.layers == []

    assert run_tool(*words, "--own-log-group", "allow").status == 0
    version = made.publish()
    control_plane().rest("PUT", f"{VERSION}/{made.name}/aliases/live", FunctionVersion=version)
    done = run_tool(*words, "--own-log-group", "deny")
    assert done.status == 0, done.out
    assert made.is_denied()


def test_deny_is_put_despite_versions_if_that_is_asked_for(layer: str) -> None:
    """The share of a weighted alias is said."""
    made = make_function()
    old = made.publish("live")
    made_anew = update(made, Description="anew")
    control_plane().rest("PUT", f"{VERSION}/{made.name}/configuration", Description=made_anew[0])
    new = made.publish()
    control_plane().rest(
        "PUT",
        f"{VERSION}/{made.name}/aliases/live",
        FunctionVersion=old,
        RoutingConfig={"AdditionalVersionWeights": {new: 0.1}},
    )

    done = run_tool("attach", "--functions", made.name, "--despite-versions", layer)

    assert done.status == 0, done.out
    assert (
        f"these log nowhere: version {old} (alias live 90%), version {new} (alias live 10%)"
        in done.err
    )
    assert made.is_denied()


def test_provisioned_concurrency_of_a_version_without_the_layer_is_seen(layer: str) -> None:
    """The emulator cannot list it, so that one answer is made up."""
    made = make_function()
    made.publish()
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{made.name}:1"

    done = run_tool(
        *("attach", "--functions", made.name, layer),
        aside=[("list-provisioned-concurrency-configs", "instead", [arn])],
    )

    assert done.status == 1
    assert "version 1 (provisioned concurrency of 1)" in done.out


def test_function_that_shares_role_and_log_group_is_not_silenced(layer: str) -> None:
    """A Deny on the group would be the other's too."""
    role = make_role()
    shared: dict[str, Any] = {"LoggingConfig": {"LogGroup": f"/shared/{role}"}}
    made, other = make_function(role=role, **shared), make_function(role=role, **shared)

    refused = run_tool("attach", "--functions", made.name, layer)
    assert f"{other.name} share the role and the log group /shared/{role}" in refused.out
    both = f"{made.name},{other.name}"
    assert run_tool("attach", "--functions", both, "--own-log-group", "allow", layer).status == 0
    done = run_tool("attach", "--functions", both, "--own-log-group", "deny", layer)

    assert done.status == 0, done.out
    assert made.is_denied()
    assert not other.logs_nowhere()


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
