"""Values: a layer's version, a function as Lambda describes it, and what is wanted. Pure.

Assumes of AWS: the answer of GetFunctionConfiguration (AWS Lambda API reference, "FunctionConfiguration"), and the forms
of a layer version's and a function's ARN.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from extension import PREFIX

LAYER_VERSION = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}|[a-z-]+)"
    r":layer:(?P<name>[a-zA-Z0-9_-]{1,140}):(?P<version>[0-9]+)"
)
FUNCTION_NAME = re.compile(
    r"(?:arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:)?[a-zA-Z0-9_-]{1,64}"
)
"""A name or an ARN, without a version behind it: layers and variables change in the unpublished version alone."""

LATEST = "$LATEST"

ARCHITECTURES = ("x86_64", "arm64")


class AttachError(Exception):
    """A function cannot be attached or detached; the message says why, and shows no variable's value."""


def told(error: Exception) -> str:
    """Return an error in words. One that nobody thought of is named alone: its text may hold anything."""
    return str(error) if isinstance(error, AttachError) else f"unexpected {type(error).__name__}"


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """A version of a layer, by its ARN."""

    arn: str
    region: str
    name: str
    version: str

    @property
    def layer_arn(self) -> str:
        """The ARN without the version."""
        return self.arn.rpartition(":")[0]


def read_layer_version(arn: str) -> LayerVersion:
    """Parse the ARN of a layer's version."""
    match = LAYER_VERSION.fullmatch(arn)
    if match is None:
        raise AttachError(f"{arn} is not the ARN of a layer's version")
    return LayerVersion(arn, match["region"], match["name"], match["version"])


@dataclass(frozen=True, slots=True)
class Names:
    """The names by which the recorder's layer is recognised: one, also with each architecture behind it, and another."""

    layer: str = "flight-recorder"
    also: str = ""

    def holds(self, arn: str) -> bool:
        """Tell whether an ARN is that of a version of the recorder's layer."""
        name = arn.partition(":layer:")[2].partition(":")[0]
        known = (self.layer, *(f"{self.layer}-{one}" for one in ARCHITECTURES), self.also)
        return bool(name) and name in known


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function's configuration.

    Attributes:
        layers: ARNs, in their order.
        layer_bytes: the layers' zipped sizes, as far as Lambda tells.
        log_group: the function's own log group.
        unreadable: why Lambda shows no variables; empty if it does.
    """

    name: str
    arn: str
    role_arn: str
    revision: str = ""
    runtime: str = ""
    architectures: tuple[str, ...] = ("x86_64",)
    package: str = "Zip"
    memory_mb: int = 128
    code_bytes: int = 0
    layers: tuple[str, ...] = ()
    layer_bytes: Mapping[str, int] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    unreadable: str = ""
    log_group: str = ""
    log_format: str = "Text"
    log_level: str = ""
    update_status: str = ""
    update_reason: str = ""

    @property
    def partition(self) -> str:
        """Of the ARN."""
        return self.arn.split(":")[1]

    @property
    def region(self) -> str:
        """Of the ARN."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """Of the ARN."""
        return self.arn.split(":")[4]

    @property
    def role(self) -> str:
        """The role's name, without its path."""
        return self.role_arn.rpartition("/")[2]

    @property
    def policy(self) -> str:
        """The name of the tool's policy in the role: one for each function, because roles are shared."""
        return f"flight-recorder-{self.name}"

    @property
    def has_own_log_group(self) -> bool:
        """Whether the group is the one that Lambda names after the function."""
        return self.log_group == f"/aws/lambda/{self.name}"

    def arn_of_group(self, group: str) -> str:
        """Return the ARN of a log group beside the function."""
        return f"arn:{self.partition}:logs:{self.region}:{self.account}:log-group:{group}"

    def recorders(self, names: Names) -> list[str]:
        """Return the ARNs of the recorder's layers among its layers."""
        return [arn for arn in self.layers if names.holds(arn)]

    @property
    def recorder_variables(self) -> dict[str, str]:
        """The variables that are the recorder's."""
        return {name: text for name, text in self.variables.items() if name.startswith(PREFIX)}


def read_function(answer: Mapping[str, Any]) -> Function:
    """Read the answer of GetFunctionConfiguration, or one of ListFunctions."""
    environment = answer.get("Environment") or {}
    logging = answer.get("LoggingConfig") or {}
    arn = ":".join(str(answer["FunctionArn"]).split(":")[:7])
    layers: Sequence[Mapping[str, Any]] = answer.get("Layers") or ()
    name = arn.rpartition(":")[2]
    return Function(
        name=name,
        arn=arn,
        role_arn=str(answer["Role"]),
        revision=str(answer.get("RevisionId") or ""),
        runtime=str(answer.get("Runtime") or ""),
        architectures=tuple(answer.get("Architectures") or ("x86_64",)),
        package=str(answer.get("PackageType") or "Zip"),
        memory_mb=int(answer.get("MemorySize") or 128),
        code_bytes=int(answer.get("CodeSize") or 0),
        layers=tuple(str(layer["Arn"]) for layer in layers),
        layer_bytes={str(layer["Arn"]): int(layer.get("CodeSize") or 0) for layer in layers},
        variables=dict(environment.get("Variables") or {}),
        unreadable=str((environment.get("Error") or {}).get("ErrorCode") or ""),
        log_group=str(logging.get("LogGroup") or f"/aws/lambda/{name}"),
        log_format=str(logging.get("LogFormat") or "Text"),
        log_level=str(logging.get("ApplicationLogLevel") or ""),
        update_status=str(answer.get("LastUpdateStatus") or "Successful"),
        update_reason=str(answer.get("LastUpdateStatusReason") or ""),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for. An empty text leaves what the function has, or the default.

    Attributes:
        settings: texts of settings, by their names without the prefix.
        own_log_group: `deny`, `allow`, `share` or empty.
        dashboard: the text of a dashboard's file.
        payload: what the function is invoked with, before its own log group is denied; None for no invocation.
        wait_for_line: wait until the recorder has delivered something, before the own log group is denied.
        line_timeout_s: the most to wait for that.
        iam_wait_s: from the end of a Deny to the change that relies on it.
        iam_timeout_s: the most to wait until IAM tells of the end of a Deny.
    """

    layer: LayerVersion
    names: Names
    settings: Mapping[str, str] = field(default_factory=dict)
    retention_days: str = ""
    own_log_group: str = ""
    alarm_topic: str = ""
    dashboard: str = ""
    payload: bytes | None = None
    wait_for_line: bool = False
    line_timeout_s: float = 300.0
    despite_versions: bool = False
    iam_wait_s: float = 10.0
    iam_timeout_s: float = 30.0
    dry_run: bool = False
