"""Make the role, log groups and alarms of a function with Flight Recorder.

Copy this file, and use it as app.py does (docs/attach/cdk.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from aws_cdk import (
    ArnFormat,
    Duration,
    RemovalPolicy,
    Stack,
    aws_cloudwatch as cloudwatch,
    aws_cloudwatch_actions as actions,
    aws_iam as iam,
    aws_lambda as lambda_,
    aws_logs as logs,
    aws_sns as sns,
)
from constructs import Construct

HOUR = Duration.hours(1)
WRITE = ["logs:CreateLogStream", "logs:PutLogEvents"]
OwnLogGroup = Literal["deny", "allow", "share"]

QUERIES = {
    "failures": """\
filter type = "flightRecorder.invocation" and record.outcome != "success"
| stats count(*) as failures, latest(record.errorMessage) as message, latest(requestId) as example, max(@timestamp) as last
    by reason, record.errorType, record.fingerprint
| sort failures desc
| limit 100""",
    "invocation": """\
# Put an id in place of REQUEST_ID. If lines are records, this finds all of them. If they are as the function wrote them, it
# finds the row of type flightRecorder.invocation. Put its log stream and its two times into the second filter, and remove the
# first one.
filter requestId = "REQUEST_ID" or @message like "REQUEST_ID"
# | filter @logStream = "STREAM" and toMillis(@timestamp) >= FIRST and toMillis(@timestamp) <= LAST
| sort @timestamp asc
| display @timestamp, type, @message, logStream, record.firstTimestamp, record.lastTimestamp
| limit 10000""",
    "transaction": """\
# Choose the log groups of all functions, and put a trace or correlation id in place of TRANSACTION_ID.
filter traceId = "TRANSACTION_ID" or correlationId = "TRANSACTION_ID"
| sort @timestamp asc
| display @timestamp, function, type, record.outcome, reason, record.errorType, record.errorMessage, requestId, @message
| limit 10000""",
    "totals": """\
filter type = "flightRecorder.invocation"
| fields weight * record.lines as weightedLines
| stats sum(weight) as invocations, sum(weightedLines) as lines, count(*) as kept by function, record.outcome
| sort invocations desc
| limit 1000""",
}
"""Saved in CloudWatch Logs Insights. The same queries are in ../queries.json."""


class FlightRecorder(Construct):
    """The layer, the variables and the role of a recorded function, with log groups and alarms.

    Attributes:
        layer: for the function's `layers`.
        environment: for the function's `environment`.
        role: for the function's `role`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        layer_arn: str,
        function_name: str,
        sink: str = "cloudwatch:",
        sample_rate: float = 0.1,
        saved_queries: bool = True,
        retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
        own_log_group: OwnLogGroup = "deny",
        metrics: str = "5m",
        metrics_fleet: str = "flight-recorder",
        alarm_topic_arn: str = "",
        dashboard: str = "",
    ) -> None:
        """Make the role, log groups and alarms of one function.

        Args:
            scope: The stack.
            construct_id: A name within it.
            layer_arn: The layer version that `./build.sh publish` printed for this region (and architecture).
            function_name: A plain string, not a token. The policies name the function's log groups, and must not wait
                for the function.
            sink: `cloudwatch:`, `s3://BUCKET/PREFIX`, `firehose:STREAM`, or a URL such as `otlp+https://collector:4318`.
            sample_rate: Share of healthy transactions whose lines are kept.
            saved_queries: Save four queries for the kept lines in CloudWatch Logs Insights.
            retention: How long the log groups keep events.
            own_log_group: With `deny`, Lambda may not write to the function's own log group, which saves its cost. With
                `allow`, it writes everything. With `share` and the sink `cloudwatch:`, the recorder writes there, and
                Lambda may not.
            metrics: How often the recorder writes its own metrics. With `off`, it writes none, and there are no alarms.
            metrics_fleet: A name that many functions share. They then share metrics, whose alarms and dashboard ../fleet
                makes once. If this is empty, the function has its own, which cost $5.90 a month.
            alarm_topic_arn: The SNS topic that alarms notify.
            dashboard: The file of a dashboard, such as `../dashboard.json`.
        """
        super().__init__(scope, construct_id)
        self._function_name = function_name
        self._queried = saved_queries and sink == "cloudwatch:"
        kept_group = f"/flight-recorder/{function_name}"
        own_group = f"/aws/lambda/{function_name}"
        to_cloudwatch = sink == "cloudwatch:"
        self._shared = shared = to_cloudwatch and own_log_group == "share"
        if to_cloudwatch:
            sink = f"own+cloudwatch:{own_group}" if shared else f"cloudwatch:{kept_group}"
        # The recorder's metrics reach CloudWatch with the kept lines, or through the function's own log group.
        # With neither, no alarm could ever ring. A fleet's metrics are not the function's, so the function has no alarms.
        measured = metrics != "off" and (to_cloudwatch or own_log_group == "allow")
        in_fleet = measured and metrics_fleet != ""

        self.layer = lambda_.LayerVersion.from_layer_version_arn(self, "Layer", layer_arn)
        self.environment = {
            "FLIGHT_RECORDER_SINK": sink,
            "FLIGHT_RECORDER_SAMPLE_RATE": str(sample_rate),
            **({"FLIGHT_RECORDER_METRICS": metrics} if measured else {}),
            **({"FLIGHT_RECORDER_METRICS_FLEET": metrics_fleet} if in_fleet else {}),
        }

        # CDK's own roles have AWSLambdaBasicExecutionRole, which allows all log groups. This role allows only the needed ones.
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        # Lambda writes a function's log with the function's role. A Deny wins over any Allow. Lambda's streams begin with the
        # year, and the recorder's do not.
        group_arn, streams_arn = self._group_arns(own_group)
        self.role.add_to_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=WRITE,
                resources=[f"{group_arn}:log-stream:20*"],
            )
            if shared
            else iam.PolicyStatement(
                effect=iam.Effect.ALLOW if own_log_group == "allow" else iam.Effect.DENY,
                actions=["logs:CreateLogGroup", *WRITE],
                resources=[group_arn, streams_arn],
            )
        )
        statement = self._sink_statement(sink)
        if statement is not None:
            self.role.add_to_policy(statement)

        for name, group, wanted in (
            ("KeptLogGroup", kept_group, to_cloudwatch and not shared),
            ("OwnLogGroup", own_group, own_log_group == "allow" or shared),
        ):
            if wanted:
                made = logs.LogGroup(
                    self,
                    name,
                    log_group_name=group,
                    retention=retention,
                    removal_policy=RemovalPolicy.DESTROY,
                )
                if self._queried and name == ("OwnLogGroup" if shared else "KeptLogGroup"):
                    self._queries(made)

        if measured and not in_fleet:
            self._alarms(alarm_topic_arn)
        if dashboard and not in_fleet:
            body = Path(dashboard).read_text(encoding="utf-8")
            cloudwatch.CfnDashboard(
                self,
                "Dashboard",
                dashboard_name=f"flight-recorder-{function_name}",
                dashboard_body=body.replace("FUNCTION_NAME", function_name).replace(
                    "REGION", Stack.of(self).region
                ),
            )

    def _group_arns(self, group: str) -> list[str]:
        arn = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=group,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return [arn, f"{arn}:*"]

    def _sink_statement(self, sink: str) -> iam.PolicyStatement | None:
        """Return the permissions that the sink needs. docs/sinks/ has them for each sink."""
        stack = Stack.of(self)
        kind, _, name = sink.partition(":")
        if kind == "cloudwatch":
            return iam.PolicyStatement(actions=WRITE, resources=self._group_arns(name))
        if kind == "own+cloudwatch":
            group_arn, _ = self._group_arns(name)
            streams_arn = f"{group_arn}:log-stream:flight-recorder/*"
            return iam.PolicyStatement(actions=WRITE, resources=[group_arn, streams_arn])
        if kind == "s3":
            arn = f"arn:{stack.partition}:s3:::{name.removeprefix('//')}/*"
            return iam.PolicyStatement(actions=["s3:PutObject"], resources=[arn])
        if kind == "firehose":
            arn = stack.format_arn(
                service="firehose", resource="deliverystream", resource_name=name
            )
            return iam.PolicyStatement(actions=["firehose:PutRecordBatch"], resources=[arn])
        return None

    def _queries(self, kept: logs.LogGroup) -> None:
        for name, text in QUERIES.items():
            logs.CfnQueryDefinition(
                self,
                f"{name.capitalize()}Query",
                name=f"flight-recorder/{self._function_name}/{name}",
                # A transaction is looked for in the groups of several functions.
                log_group_names=None if name == "transaction" else [kept.log_group_name],
                query_string=text,
            )

    def _look(self, query: str) -> str:
        """Return where to look when an alarm rings: a saved query, in the console's own form of an address."""
        region = Stack.of(self).region
        parent = "aws*2flambda" if self._shared else "flight-recorder"
        return (
            f" Run the query flight-recorder/{self._function_name}/{query}:"
            f" https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logsV2:logs-insights"
            "$3FqueryDetail$3D$257E$2528source$257E$2528$257E$2527"
            f"*2f{parent}*2f{self._function_name}$2529$2529"
        )

    def _metric(
        self, namespace: str, name: str, *, statistic: str, period: Duration
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            statistic=statistic,
            period=period,
            dimensions_map={"FunctionName": self._function_name},
        )

    def _alarms(self, topic_arn: str) -> None:
        interval = Duration.minutes(5)

        def recorded(name: str, statistic: str) -> cloudwatch.Metric:
            return self._metric("FlightRecorder", name, statistic=statistic, period=interval)

        # A recorder that cannot deliver cannot say so either. So this alarm compares with Lambda's own count. It
        # looks at an hour, because a frozen environment writes its metrics when it thaws or ends.
        silence = cloudwatch.MathExpression(
            expression="IF(FILL(invoked, 0) > 0 AND FILL(recorded, 0) == 0, 1, 0)",
            using_metrics={
                "invoked": self._metric("AWS/Lambda", "Invocations", statistic="Sum", period=HOUR),
                "recorded": self._metric(
                    "FlightRecorder", "Invocations", statistic="Sum", period=HOUR
                ),
            },
            period=HOUR,
        )
        alarms: dict[tuple[str, str], dict[str, Any]] = {
            ("DeliveryFailing", "delivery-failing"): {
                "alarm_description": "The sink did not take deliveries in two of three intervals (docs/delivery.md#the-way-to-a-sink).",
                "query": "failures",
                "metric": recorded("FailedDeliveries", "Sum"),
                "evaluation_periods": 3,
                "datapoints_to_alarm": 2,
                "threshold": 1,
            },
            ("LinesLost", "lines-lost"): {
                "alarm_description": "The recorder could not deliver kept lines anywhere (docs/delivery.md#the-account).",
                "query": "failures",
                "metric": recorded("LostLines", "Sum"),
                "evaluation_periods": 1,
                "threshold": 0,
            },
            ("BufferFull", "buffer-full"): {
                "alarm_description": "The buffer was nearly full, so recordings may have gaps. Raise FLIGHT_RECORDER_BUFFER_SIZE (docs/metrics.md#alarms).",
                "query": "failures",
                "metric": recorded("BufferUsed", "Maximum"),
                "evaluation_periods": 3,
                "datapoints_to_alarm": 2,
                "threshold": 90,
            },
            ("Silent", "silent"): {
                "alarm_description": "The function was invoked, and the recorder wrote no metric for two hours (docs/check.md#the-checks).",
                "query": "totals",
                "metric": silence,
                "evaluation_periods": 2,
                "threshold": 0,
            },
        }
        topic = sns.Topic.from_topic_arn(self, "Topic", topic_arn) if topic_arn else None
        for (construct_id, name), properties in alarms.items():
            look = self._look(properties.pop("query"))
            if self._queried:
                properties["alarm_description"] += look
            alarm = cloudwatch.Alarm(
                self,
                construct_id,
                alarm_name=f"{self._function_name}-flight-recorder-{name}",
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
                **properties,
            )
            if topic is not None:
                alarm.add_alarm_action(actions.SnsAction(topic))
