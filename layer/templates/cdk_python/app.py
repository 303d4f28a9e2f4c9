"""Deploy a function with Flight Recorder attached. docs/attach/cdk.md says how."""

from typing import cast, get_args

from aws_cdk import App, Stack, aws_lambda as lambda_
from flight_recorder import FlightRecorder, OwnLogGroup

CODE = """def handler(event, context):
    print("got", event)
    if event.get("fail"):
        raise RuntimeError("everything above is delivered, whatever the sample rate")
"""


def build(app: App) -> None:
    """Make the stack from the context of `-c name=value` and cdk.json."""

    def given(name: str, default: str = "") -> str:
        return str(app.node.try_get_context(name) or default)

    layer_arn = given("layerArn")
    if not layer_arn:
        raise SystemExit("name the layer version: cdk deploy -c layerArn=arn:aws:lambda:...")
    function_name = given("functionName", "recorded")

    fleet = given("metricsFleet", "flight-recorder")
    own_log_group = given("ownLogGroup", "deny")
    if own_log_group not in get_args(OwnLogGroup):
        raise SystemExit("ownLogGroup is deny, allow or share")

    stack = Stack(app, given("stackName", "Recorded"))
    recorder = FlightRecorder(
        stack,
        "FlightRecorder",
        layer_arn=layer_arn,
        function_name=function_name,
        sink=given("sink", "cloudwatch:"),
        sample_rate=float(given("sampleRate", "0.1")),
        saved_queries=given("savedQueries") != "no",
        own_log_group=cast("OwnLogGroup", own_log_group),
        metrics=given("metrics", "5m"),
        metrics_fleet=fleet if fleet != "none" else "",
        alarm_topic_arn=given("alarmTopicArn"),
        dashboard=given("dashboard"),
    )
    lambda_.Function(
        stack,
        "Function",
        function_name=function_name,
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_inline(CODE),
        layers=[recorder.layer],
        environment=recorder.environment,
        role=recorder.role,
    )


if __name__ == "__main__":
    application = App()
    build(application)
    application.synth()
