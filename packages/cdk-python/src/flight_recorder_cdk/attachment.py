"""What one function has for the recorder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import (
    ArnFormat,
    Stack,
    Token,
    aws_iam as iam,
    aws_lambda as lambda_,
    aws_logs as logs,
)
from constructs import Construct, IConstruct

if TYPE_CHECKING:
    from flight_recorder_cdk.options import Options


class Attachment(Construct):
    """What one function has for the recorder, in the function's own stack."""

    def __init__(
        self,
        function: lambda_.Function,
        construct_id: str,
        *,
        cfn: lambda_.CfnFunction,
        layer_arn: str,
        options: Options,
    ) -> None:
        """Add the layer and the variables to a function, and make the rest beside it."""
        super().__init__(function, construct_id)
        self._function = function
        # A name that CDK chooses is known only after the function is made. What refers to it must then come after the
        # function.
        name = cfn.function_name
        is_named = name is not None and not Token.is_unresolved(name)
        function_name = name if name is not None and is_named else function.function_name

        sink = options.sink
        # Of records+cloudwatch: only the name differs.
        place = sink.removeprefix("records+")
        is_own_sink = place == "cloudwatch:"
        kept_group = place.removeprefix("cloudwatch:") or f"/flight-recorder/{function_name}"

        function.add_layers(lambda_.LayerVersion.from_layer_version_arn(self, "Layer", layer_arn))
        # Without a name, the variable names no group, and the recorder takes the same one.
        named_sink = sink + kept_group if is_own_sink and is_named else sink
        for variable, value in options.variables(named_sink).items():
            function.add_environment(variable, value)

        before: list[IConstruct] = []
        if is_own_sink:
            group = logs.LogGroup(
                self,
                "KeptLogGroup",
                log_group_name=kept_group,
                retention=options.retention,
                encryption_key=options.encryption_key,
                removal_policy=options.removal_policy,
            )
            before.append(group)
        statement = self._sink_statement(place, kept_group)
        if statement is not None:
            before += self._policy("Sink", statement)
        if is_named or not is_own_sink:
            # The recorder may then write from its first invocation on.
            cfn.node.add_dependency(*before)
        if not options.allow_own_log_group:
            self._deny(cfn, function_name)

    def _deny(self, cfn: lambda_.CfnFunction, function_name: str) -> None:
        """Keep Lambda from writing the function's own log, with the function's role. A Deny wins over any Allow.

        It comes after the function has the layer: with the Deny alone, the function logs nowhere.
        """
        statement = iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            resources=self._group_arns(f"/aws/lambda/{function_name}"),
        )
        for policy in self._policy("OwnLogGroup", statement):
            policy.node.add_dependency(cfn)

    def _policy(self, construct_id: str, statement: iam.PolicyStatement) -> list[iam.Policy]:
        """Make a policy of its own: the function waits for its role's default policy, which so may not name it."""
        role = self._function.role
        if role is None:
            return []
        return [iam.Policy(self, construct_id, statements=[statement], roles=[role])]

    def _group_arns(self, group: str) -> list[str]:
        arn = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=group,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return [arn, f"{arn}:*"]

    def _sink_statement(self, sink: str, kept_group: str) -> iam.PolicyStatement | None:
        """Return the permissions that the sink needs, and no more."""
        stack = Stack.of(self)
        kind, _, name = sink.partition(":")
        if kind == "cloudwatch":
            needed = ["logs:CreateLogStream", "logs:PutLogEvents"]
            return iam.PolicyStatement(actions=needed, resources=self._group_arns(kept_group))
        if kind == "s3":
            arn = f"arn:{stack.partition}:s3:::{name.removeprefix('//')}/*"
            return iam.PolicyStatement(actions=["s3:PutObject"], resources=[arn])
        if kind == "firehose":
            arn = stack.format_arn(
                service="firehose", resource="deliverystream", resource_name=name
            )
            return iam.PolicyStatement(actions=["firehose:PutRecordBatch"], resources=[arn])
        return None
