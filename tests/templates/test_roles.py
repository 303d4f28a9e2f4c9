"""The roles that the templates make, at work: the sinks themselves deliver with them, to an AWS that checks permissions."""

import json
import re
import time
from typing import Any

import pytest

from extension.aws.client import AwsClient
from extension.aws.errors import error_code
from extension.model.receipt import Answer, Receipt
from extension.sinks.base import SinkConfig
from extension.sinks.cloudwatch import CloudWatchSink
from extension.sinks.s3 import S3Sink
from tests.doubles.extension.chunks import lines
from tests.services.aws import ACCOUNT, REGION, Keys, ministack
from tests.services.environment import unique
from tests.templates.attached import BASIC_EXECUTION, least

pytestmark = pytest.mark.services

WAIT_S = 10.0


def keys_with(statements: list[dict[str, Any]], **instead: str) -> Keys:
    """Make a role with these statements, some words of which are others here, and give its credentials."""
    aws = ministack()
    found = re.search(r"<Account>(\d+)</Account>", aws.query("sts", "GetCallerIdentity"))
    assert found is not None
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    for word, other in {ACCOUNT: found.group(1), **instead}.items():
        policy = policy.replace(word, other)
    return aws.role_keys(json.loads(policy))


def write(group: str, keys: Keys, *, scheme: str = "cloudwatch") -> Receipt:
    """Let a sink of CloudWatch Logs write a line to a group."""
    environ = ministack().environ(keys, AWS_LAMBDA_FUNCTION_NAME="shop")
    sink = CloudWatchSink(SinkConfig(f"{scheme}:{group}", environ))
    receipt = sink.send([lines("a line")], timeout_s=WAIT_S)
    sink.close()
    return receipt


def test_cloudwatch_role_writes_to_the_kept_group_only() -> None:
    """AWSLambdaBasicExecutionRole would allow the own group, without the Deny."""
    function = unique("shop")
    kept, own = f"/flight-recorder/{function}", f"/aws/lambda/{function}"
    for group in (kept, own):
        ministack().call("Logs_20140328.CreateLogGroup", logGroupName=group)
    role = keys_with([*least("cloudwatch", function), BASIC_EXECUTION])
    basic = keys_with([BASIC_EXECUTION])

    assert write(own, basic).answer is Answer.TAKEN
    assert write(kept, role).answer is Answer.TAKEN
    denied = write(own, role)
    assert denied.answer is Answer.DENIED
    assert "AccessDeniedException" in denied.detail


def test_cloudwatch_role_may_not_create_the_group() -> None:
    """The template creates it, with its retention."""
    function = unique("shop")
    role = keys_with(least("cloudwatch", function))

    before = write(f"/flight-recorder/{function}", role)
    ministack().call("Logs_20140328.CreateLogGroup", logGroupName=f"/flight-recorder/{function}")
    after = write(f"/flight-recorder/{function}", role)

    assert (before.answer, after.answer) == (Answer.DENIED, Answer.TAKEN)


def test_s3_role_writes_below_the_prefix_only() -> None:
    """Neither beside the prefix nor to CloudWatch."""
    bucket = ministack().make_bucket(unique("logs"))
    role = keys_with(least("s3", "shop"), **{"my-logs": bucket})
    environ = ministack().environ(role)

    answers = {}
    for place in (f"{bucket}/lambda", f"{bucket}/other"):
        sink = S3Sink(SinkConfig(f"s3://{place}", environ))
        answers[place] = sink.send([lines("a line")], timeout_s=WAIT_S).answer
        sink.close()

    assert list(answers.values()) == [Answer.TAKEN, Answer.DENIED]
    assert write("/flight-recorder/shop", role).answer is Answer.DENIED


def test_shared_role_writes_to_its_own_streams_beside_lambdas_denied_ones() -> None:
    """Lambda writes with the function's role too. `cloudwatch:` names its stream as Lambda does, so it stands for Lambda here."""
    function = unique("shop")
    own = f"/aws/lambda/{function}"
    ministack().call("Logs_20140328.CreateLogGroup", logGroupName=own)
    least_role, widest = least("cloudwatch", function, own_log_group="share"), BASIC_EXECUTION
    answers = {}

    for name, statements in {"least": least_role, "basic": [least_role[0], widest]}.items():
        keys = keys_with(statements)
        lambdas, ours = write(own, keys), write(own, keys, scheme="own+cloudwatch")
        answers[name] = (lambdas.answer, lambdas.detail.partition(" ")[0], ours.answer)

    denied = (Answer.DENIED, "PutLogEvents:", Answer.TAKEN)
    assert answers == {"least": denied, "basic": denied}
    [stream] = ministack().log_streams(own)
    assert stream.startswith("flight-recorder/20")
    assert [one["message"] for one in ministack().log_events(own, stream)] == ["a line"] * 2


def test_lambda_may_make_no_stream_in_a_shared_group() -> None:
    """Nor write to one that was there before the Deny."""
    function = unique("shop")
    own = f"/aws/lambda/{function}"
    before, after = f"2026/11/29/[$LATEST]{'a' * 32}", f"2026/11/30/{function}[7]{'b' * 32}"
    ministack().call("Logs_20140328.CreateLogGroup", logGroupName=own)
    ministack().call("Logs_20140328.CreateLogStream", logGroupName=own, logStreamName=before)
    role = keys_with([*least("cloudwatch", function, own_log_group="share"), BASIC_EXECUTION])
    client = AwsClient("logs", ministack().environ(role))

    def call(action: str, stream: str, **more: Any) -> str:
        payload = {"logGroupName": own, "logStreamName": stream, **more}
        until_s = time.monotonic() + WAIT_S
        return error_code(client.call(f"Logs_20140328.{action}", payload, until_s=until_s))

    events = [{"timestamp": int(time.time() * 1000), "message": "a line"}]
    codes = {
        (action, stream[:2]): call(action, stream, **more)
        for stream in (after, f"flight-recorder/{after}")
        for action, more in (("CreateLogStream", {}), ("PutLogEvents", {"logEvents": events}))
    }
    codes["PutLogEvents", "before"] = call("PutLogEvents", before, logEvents=events)
    client.close()

    assert codes == {
        ("CreateLogStream", "20"): "AccessDeniedException",
        ("PutLogEvents", "20"): "AccessDeniedException",
        ("PutLogEvents", "before"): "AccessDeniedException",
        ("CreateLogStream", "fl"): "",
        ("PutLogEvents", "fl"): "",
    }


@pytest.mark.parametrize(
    ("stream", "decisions"),
    [
        (":log-stream:2026/11/29/any", {"explicitDeny"}),
        (":log-stream:2099/12/31/any", {"explicitDeny"}),
        (":log-stream:flight-recorder/2026/11/29/any", {"allowed"}),
        (":log-stream:other", {"implicitDeny"}),
        # What older editions of AWS's reference have CreateLogStream on. Lambda's streams then stay empty.
        ("", {"allowed"}),
    ],
)
def test_iam_judges_streams_of_a_shared_group(stream: str, decisions: set[str]) -> None:
    """The emulator's evaluator of policies, asked as the page says, gives one answer for both actions."""
    policy = {
        "Version": "2012-10-17",
        "Statement": least("cloudwatch", "shop", own_log_group="share"),
    }
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/shop"

    xml = ministack().query(
        "iam",
        "SimulateCustomPolicy",
        **{
            "PolicyInputList.member.1": json.dumps(policy),
            "ActionNames.member.1": "logs:CreateLogStream",
            "ActionNames.member.2": "logs:PutLogEvents",
            "ResourceArns.member.1": group + stream,
        },
    )

    found = re.findall("<EvalDecision>(.*?)</EvalDecision>", xml)
    assert (len(found), set(found)) == (2, decisions)
