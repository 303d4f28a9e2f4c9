"""Find who runs without the layer and would log nowhere, with a Deny: versions behind aliases, and functions that share.

A published version never changes: it keeps the layers, the role and the log group that it was published with. As a rule
role and log group are those of all versions, and the layer is not.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from attach.cloud import configuration
from attach.cloud.command import Aws, AwsError, is_absent
from attach.plan.model import LATEST, Function, Names, read_function

NONE_PROVISIONED = ("ProvisionedConcurrencyConfigNotFoundException",)


class InUse(NamedTuple):
    """A version that something points to.

    Attributes:
        version: its number.
        users: what points to it.
        has_layer: whether it has the recorder.
        is_denied: whether a Deny of the function's role, on the function's log group, is its own too.
    """

    version: str
    users: tuple[str, ...]
    has_layer: bool
    is_denied: bool = True

    @property
    def is_silent(self) -> bool:
        """Whether it logs nowhere, with the Deny."""
        return self.is_denied and not self.has_layer

    def __str__(self) -> str:
        """For people."""
        return f"version {self.version} ({', '.join(self.users)})"


def in_use(aws: Aws, function: Function, names: Names) -> list[InUse]:
    """Return the published versions to which aliases or provisioned concurrency point."""
    users: dict[str, list[str]] = {}
    aliases = _aliases(aws, function)
    for alias, versions in aliases.items():
        for version, share in versions.items():
            users.setdefault(version, []).append(f"alias {alias}{share}")
    for qualifier in _provisioned(aws, function):
        for version in aliases.get(qualifier, {qualifier: ""}):
            users.setdefault(version, []).append(f"provisioned concurrency of {qualifier}")
    users.pop(LATEST, None)
    found = []
    for version in sorted(users, key=lambda one: (len(one), one)):
        then = configuration.read(aws, function.name, version)
        is_denied = (then.role_arn, then.log_group) == (function.role_arn, function.log_group)
        has_layer = bool(then.recorders(names))
        found.append(InUse(version, tuple(users[version]), has_layer, is_denied))
    return found


def sharing(aws: Aws, function: Function, names: Names) -> list[str]:
    """Return the functions without the layer that log to the same group with the same role: its Deny is theirs too."""
    if function.has_own_log_group:
        return []
    answer = aws.call("lambda", "list-functions", "--query", "Functions")
    others = map(read_function, answer or ())
    return [
        other.name
        for other in others
        if other.name != function.name
        and (other.role_arn, other.log_group) == (function.role_arn, function.log_group)
        and not other.recorders(names)
    ]


def _aliases(aws: Aws, function: Function) -> dict[str, dict[str, str]]:
    """Return each alias with its versions, and the share of each if it is not the only one."""
    answer = aws.call(
        "lambda", "list-aliases", "--function-name", function.name, "--query", "Aliases"
    )
    return {str(one["Name"]): dict(_versions(one)) for one in answer or ()}


def _versions(alias: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    rest = 1.0 - sum(map(float, weights.values()))
    yield str(alias["FunctionVersion"]), f" {rest:.0%}" if weights else ""
    for version, weight in weights.items():
        yield str(version), f" {float(weight):.0%}"


def _provisioned(aws: Aws, function: Function) -> list[str]:
    """Return the aliases and versions with provisioned concurrency."""
    try:
        answer = aws.call(
            "lambda",
            "list-provisioned-concurrency-configs",
            "--function-name",
            function.name,
            "--query",
            "ProvisionedConcurrencyConfigs[].FunctionArn",
        )
    except AwsError as error:
        if is_absent(error, NONE_PROVISIONED):
            return []
        raise
    return [str(arn).rpartition(":")[2] for arn in answer or ()]
