"""CloudFormation templates, read as CloudFormation does: parameters, conditions and intrinsic functions resolved.

Only those functions that our templates and the tools' output use; another one fails the test that meets it.
"""

import re
from collections.abc import Mapping
from typing import Any

from tests.services.aws import ACCOUNT, REGION
from tests.templates.attached import Attached, normal

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "stack",
}
NO_VALUE = object()


class Stack:
    """A template with the values of its parameters."""

    def __init__(
        self, template: Mapping[str, Any], parameters: Mapping[str, Any] | None = None
    ) -> None:
        declared = template.get("Parameters", {})
        defaults = {name: one["Default"] for name, one in declared.items() if "Default" in one}
        self._values = PSEUDO | defaults | dict(parameters or {})
        self._conditions: Mapping[str, Any] = template.get("Conditions", {})
        self._resources: Mapping[str, Any] = template["Resources"]

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Give the properties of all resources of a type that would be made, by logical id."""
        return {
            name: self._resolve(one.get("Properties", {}))
            for name, one in self._resources.items()
            if one["Type"] == kind and self._holds(one.get("Condition"))
        }

    def attached(self) -> Attached:
        """Give what the stack's one function with a layer is attached with."""
        (function,) = (
            one for one in self.resources("AWS::Lambda::Function").values() if one.get("Layers")
        )
        role_id = function["Role"].partition(".")[0]
        role = self.resources("AWS::IAM::Role")[role_id]
        documents = [one["PolicyDocument"] for one in role.get("Policies", [])]
        documents += [
            one["PolicyDocument"]
            for one in self.resources("AWS::IAM::Policy").values()
            if role_id in one["Roles"]
        ]
        return Attached(
            function=function["FunctionName"],
            environment=function["Environment"]["Variables"],
            layers=function["Layers"],
            statements=[normal(one) for document in documents for one in document["Statement"]],
            managed=role.get("ManagedPolicyArns", []),
            retention_days={
                one["LogGroupName"]: int(one["RetentionInDays"])
                for one in self.resources("AWS::Logs::LogGroup").values()
            },
            alarms={
                one["AlarmName"]: one for one in self.resources("AWS::CloudWatch::Alarm").values()
            },
            queries=self._queries(),
            saves_queries=True,
            dashboards={
                one["DashboardName"]: one["DashboardBody"]
                for one in self.resources("AWS::CloudWatch::Dashboard").values()
            },
        )

    def _queries(self) -> dict[str, tuple[str, list[str]]]:
        groups = {
            name: one["LogGroupName"] for name, one in self.resources("AWS::Logs::LogGroup").items()
        }
        return {
            one["Name"]: (
                one["QueryString"],
                [groups.get(ref, ref) for ref in one.get("LogGroupNames", [])],
            )
            for one in self.resources("AWS::Logs::QueryDefinition").values()
        }

    def _holds(self, condition: str | None) -> bool:
        return condition is None or self._truth(self._conditions[condition])

    def _truth(self, condition: Mapping[str, Any]) -> bool:
        ((name, value),) = condition.items()
        if name == "Condition":
            return self._holds(value)
        if name == "Fn::Equals":
            first, second = (str(self._resolve(one)) for one in value)
            return first == second
        if name == "Fn::Not":
            return not self._truth(value[0])
        if name in ("Fn::And", "Fn::Or"):
            return (all if name == "Fn::And" else any)(self._truth(one) for one in value)
        raise AssertionError(f"a condition {name}")

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in map(self._resolve, value) if one is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        resolved = {key: self._resolve(one) for key, one in value.items()}
        return {key: one for key, one in resolved.items() if one is not NO_VALUE}

    def _call(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return NO_VALUE if argument == "AWS::NoValue" else self._values.get(argument, argument)
        if name == "Fn::GetAtt":
            return argument if isinstance(argument, str) else ".".join(argument)
        if name == "Fn::If":
            condition, then, otherwise = argument
            return self._resolve(then if self._holds(condition) else otherwise)
        if name == "Fn::Join":
            separator, parts = argument
            return separator.join(str(one) for one in self._resolve(parts))
        if name == "Fn::Sub":
            text, own = argument if isinstance(argument, list) else (argument, {})
            values = {**self._values, **self._resolve(own)}
            return re.sub(r"\$\{([\w:]+)\}", lambda found: str(values[found[1]]), text)
        raise AssertionError(f"a function {name}")
