"""The roles that the templates make, at work: the sinks themselves deliver with them, to an AWS that checks permissions."""

import json
import re
from typing import Any

import pytest

from extension.model.receipt import Answer, Receipt
from extension.sinks.base import SinkConfig
from extension.sinks.cloudwatch import CloudWatchSink
from extension.sinks.s3 import S3Sink
from tests.doubles.extension.chunks import lines
from tests.services.aws import ACCOUNT, Keys, ministack
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


def write(group: str, keys: Keys) -> Receipt:
    """Let the sink `cloudwatch:` write a line to a group."""
    environ = ministack().environ(keys, AWS_LAMBDA_FUNCTION_NAME="shop")
    sink = CloudWatchSink(SinkConfig(f"cloudwatch:{group}", environ))
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
