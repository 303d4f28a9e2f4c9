"""What is asked of the recorder, the same for all functions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from aws_cdk import RemovalPolicy, Token, aws_kms as kms, aws_logs as logs

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "FLIGHT_RECORDER_"

PYTHON = re.compile(r"python3\.1[0-4]")
"""The Pythons that the Python layer serves."""

LAYER_ARN = re.compile(r"arn:[^:]+:lambda:[^:]+:[^:]+:layer:[^:]+:[0-9]+")

SINK = re.compile(
    r"(records\+)?cloudwatch:(?!arn:)|s3://.|firehose:.|([a-z]+(-json)?\+)?https?://."
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The arguments of the construct and of the aspect.

    Attributes:
        layer_arn: The version of the Python layer in the functions' region. It serves Python 3.10 to 3.14.
        standalone_layer_arns: The versions of the standalone layers by architecture (`x86_64`, `arm64`), for all other
            runtimes. Without `layer_arn`, for Python too.
        sink: `cloudwatch:`, `cloudwatch:GROUP` (a group of yours), `records+cloudwatch:` with or without one,
            `s3://BUCKET/PREFIX`, `firehose:STREAM`, or a URL such as `otlp+https://collector:4318`.
        sample_rate: Share of healthy transactions whose lines are kept.
        retention: How long the log groups of kept lines keep events.
        encryption_key: The key that encrypts these log groups. Its policy must allow the logs service.
        removal_policy: What becomes of these log groups when they leave the stack. By default they stay in the account.
        allow_own_log_group: Let Lambda write everything to the functions' own log groups too. CloudWatch then costs as
            much as without the recorder.
        metrics: How often the recorder writes its own metrics. With `off`, it writes none.
        metrics_fleet: The functions with this name share metrics, whose alarms and dashboard the fleet's template makes
            once. If it is empty, each function has metrics of its own, which cost $5.40 a month.
        settings: Other settings of the recorder, without the prefix FLIGHT_RECORDER_.
    """

    layer_arn: str = ""
    standalone_layer_arns: Mapping[str, str] = field(default_factory=dict)
    sink: str = "cloudwatch:"
    sample_rate: float = 0.1
    retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    encryption_key: kms.IKey | None = None
    removal_policy: RemovalPolicy = RemovalPolicy.RETAIN
    allow_own_log_group: bool = False
    metrics: str = "5m"
    metrics_fleet: str = "flight-recorder"
    settings: Mapping[str, str] = field(default_factory=dict)

    def problems(self) -> list[str]:
        """Return what is wrong, as sentences."""
        arns = self._arns()
        found = []
        if not arns:
            found.append(
                "Name the layer: layer_arn is the ARN of a version, such as "
                "arn:aws:lambda:eu-west-1:123456789012:layer:flight-recorder:1."
            )
        found += [
            f"{arn} is not the ARN of a layer's version."
            for arn in arns
            if not (_is_token(arn) or LAYER_ARN.fullmatch(arn))
        ]
        if not (_is_token(self.sink) or SINK.match(self.sink)):
            found.append(
                f"The sink {self.sink} is none of cloudwatch:, cloudwatch:GROUP, s3://BUCKET/PREFIX, firehose:STREAM "
                "and a URL."
            )
        if not 0 <= self.sample_rate <= 1:
            found.append(f"The sample rate {self.sample_rate} is not between 0 and 1.")
        return found

    def layer_for(self, runtime: str, architecture: str) -> str | None:
        """Return the layer for a function; None if none serves it."""
        if self.layer_arn and PYTHON.fullmatch(runtime):
            return self.layer_arn
        return self.standalone_layer_arns.get(architecture)

    def is_layer(self, arn: str) -> bool:
        """Tell whether this is one of the layers, of whatever version."""
        return without_version(arn) in map(without_version, self._arns())

    def variables(self, sink: str) -> dict[str, str]:
        """Return the variables of a function whose sink has this name."""
        # The recorder's metrics reach CloudWatch with the kept lines, or through the function's own log group.
        is_measured = self.metrics != "off" and (
            sink.startswith(("cloudwatch:", "records+cloudwatch:")) or self.allow_own_log_group
        )
        found = {"METRICS": self.metrics} if is_measured else {}
        if is_measured and self.metrics_fleet:
            found["METRICS_FLEET"] = self.metrics_fleet
        found["SAMPLE_RATE"] = format(self.sample_rate, "g")
        found |= {**self.settings, "SINK": sink}
        return {PREFIX + name: value for name, value in found.items()}

    def _arns(self) -> list[str]:
        return [arn for arn in (self.layer_arn, *self.standalone_layer_arns.values()) if arn]


class Arguments(TypedDict, total=False):
    """The same as keyword arguments, for type checkers and editors."""

    layer_arn: str
    standalone_layer_arns: Mapping[str, str]
    sink: str
    sample_rate: float
    retention: logs.RetentionDays
    encryption_key: kms.IKey | None
    removal_policy: RemovalPolicy
    allow_own_log_group: bool
    metrics: str
    metrics_fleet: str
    settings: Mapping[str, str]


def without_version(arn: str) -> str:
    """Return the ARN of a layer, given that of a version."""
    return re.sub(r":[0-9]+$", "", arn)


def _is_token(value: Any) -> bool:
    return bool(Token.is_unresolved(value))
