"""Functions in the control plane: made, read back, and judged, without any code of the tool under test."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from tests.services.aws import ACCOUNT, REGION, control_plane
from tests.services.environment import unique

VERSION = "/2015-03-31/functions"
LAYERS = "/2018-10-31/layers"
PYTHONS = [f"python3.{minor}" for minor in range(10, 15)]

SECRET = 'pa"ss wörd \\ $HOME'
"""A value as awkward as a secret may be."""

BASIC = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "*",
}


def zipped(name: str = "index.py") -> str:
    """Return a zip file, as Lambda takes it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "def handler(event, context): return 1")
    return base64.b64encode(content.getvalue()).decode()


def publish_layer(name: str = "flight-recorder", **more: Any) -> str:
    """Publish a version of a layer, and return its ARN."""
    answer = control_plane().rest(
        "POST", f"{LAYERS}/{name}/versions", Content={"ZipFile": zipped("layer.txt")}, **more
    )
    return str(answer["LayerVersionArn"])


@dataclass
class Made:
    """A function of a test, with a role of its own or a shared one."""

    name: str
    role: str

    @property
    def group(self) -> str:
        """Its own log group."""
        config = self.configuration
        return str(config["LoggingConfig"].get("LogGroup") or f"/aws/lambda/{self.name}")

    @property
    def configuration(self) -> dict[str, Any]:
        """What GetFunctionConfiguration answers."""
        return control_plane().rest("GET", f"{VERSION}/{self.name}/configuration")

    @property
    def layers(self) -> list[str]:
        return [str(one["Arn"]) for one in self.configuration.get("Layers") or ()]

    @property
    def variables(self) -> dict[str, str]:
        return dict((self.configuration.get("Environment") or {}).get("Variables") or {})

    @property
    def policies(self) -> dict[str, list[dict[str, Any]]]:
        """The role's inline policies, by their names."""
        aws = control_plane()
        names = re.findall(
            "<member>(.*?)</member>", aws.query("iam", "ListRolePolicies", RoleName=self.role)
        )
        return {name: self._policy(name) for name in names}

    def _policy(self, name: str) -> list[dict[str, Any]]:
        xml = control_plane().query("iam", "GetRolePolicy", RoleName=self.role, PolicyName=name)
        found = re.search("<PolicyDocument>(.*?)</PolicyDocument>", xml, re.DOTALL)
        assert found is not None
        statements: list[dict[str, Any]] = json.loads(unquote(found[1]).replace("&quot;", '"'))[
            "Statement"
        ]
        return statements

    def is_denied(self) -> bool:
        """Whether IAM says that the role may not write to the function's own log group."""
        return self.may_not_write_to(self.group)

    def may_not_write_to(self, group: str) -> bool:
        """Whether IAM says that the role is denied a log group."""
        xml = control_plane().query(
            "iam",
            "SimulatePrincipalPolicy",
            PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/{self.role}",
            **{
                "ActionNames.member.1": "logs:PutLogEvents",
                "ResourceArns.member.1": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:2026/11/30/s",
            },
        )
        return "explicitDeny" in xml

    def logs_nowhere(self) -> bool:
        """Whether it has no layer and may not write to its own log group."""
        return self.is_denied() and not self.layers_of_recorder

    @property
    def layers_of_recorder(self) -> list[str]:
        return [one for one in self.layers if ":layer:flight-recorder" in one]

    def put_policy(self, name: str, *statements: dict[str, Any]) -> None:
        """Put a policy into its role."""
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        control_plane().query(
            "iam", "PutRolePolicy", RoleName=self.role, PolicyName=name, PolicyDocument=document
        )

    def publish(self, alias: str = "", **routing: float) -> str:
        """Publish a version, and point an alias to it."""
        aws = control_plane()
        version = str(
            aws.rest("POST", f"{VERSION}/{self.name}/versions", Description="x")["Version"]
        )
        if alias:
            aws.rest("POST", f"{VERSION}/{self.name}/aliases", Name=alias, FunctionVersion=version)
        return version


def make_role() -> str:
    """Make a role that may write to every log group, as AWSLambdaBasicExecutionRole allows."""
    name = unique("role")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}} | {
        "Action": "sts:AssumeRole"
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    control_plane().query("iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=document)
    Made("", name).put_policy("basic", BASIC)
    return name


def make_function(name: str = "", *, role: str = "", **more: Any) -> Made:
    """Make a function that has a variable with a secret."""
    made = Made(name or unique("shop"), role or make_role())
    control_plane().rest(
        "POST",
        VERSION,
        **{
            "FunctionName": made.name,
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": f"arn:aws:iam::{ACCOUNT}:role/{made.role}",
            "Code": {"ZipFile": zipped()},
            "Environment": {"Variables": {"PASSWORD": SECRET}},
            **more,
        },
    )
    return made
