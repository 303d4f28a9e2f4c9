"""Make what a run needs: layers, roles, the bucket, log groups and functions. Each is in the journal before it is made."""

import json
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from attach.cloud.command import Aws, AwsError
from attach.plan.model import AttachError
from layer.publish import layers as publishable
from prove.account.journal import Journal, Thing
from prove.plan.deployment import PYTHON_LAYER, TAG, Deployment, Planned
from prove.plan.kinds import Sink
from prove.plan.statements import TRUST, policy_of

FUNCTIONS = Path(__file__).resolve().parent.parent / "functions"

ROLE_TIMEOUT_S = 60.0
"""Lambda refuses a role that is new to it, for some ten seconds as a rule (IAM: changes are not visible at once)."""

ACTIVE_TIMEOUT_S = 120.0
"""Lambda makes a function within seconds; a layer that is new to it takes longer."""

POLL_S = 1.0

RETENTION_DAYS = "1"
"""If all else fails, CloudWatch forgets what was kept within a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who is asked: ARNs have these three parts."""

    partition: str
    region: str
    number: str


def who_am_i(aws: Aws) -> Account:
    """Ask whose credentials these are."""
    arn = str(aws.call("sts", "get-caller-identity")["Arn"]).split(":")
    return Account(partition=arn[1], region=aws.region, number=arn[4])


def built(dist: Path) -> list[str]:
    """Return the layers whose zips are there."""
    found = [PYTHON_LAYER] if _zip_of(dist, PYTHON_LAYER).is_file() else []
    return found + [one for one in ("x86_64", "arm64") if _zip_of(dist, one).is_file()]


def _zip_of(dist: Path, layer: str) -> Path:
    standalone = layer != PYTHON_LAYER
    architectures = [layer] if standalone else ["x86_64"]
    return publishable(dist, name="", standalone=standalone, architectures=architectures)[0].archive


@dataclass(slots=True)
class Maker:
    """Makes the things of one run."""

    aws: Aws
    account: Account
    deployment: Deployment
    journal: Journal

    def layer(self, layer: str, dist: Path) -> str:
        """Publish a version of a layer, and return its ARN."""
        name = f"{self.deployment.prefix}-{layer}"
        self.journal.add([Thing("layer", name)])
        architectures = ["x86_64", "arm64"] if layer == PYTHON_LAYER else [layer]
        answer = self.aws.call(
            *("lambda", "publish-layer-version", "--layer-name", name),
            *("--compatible-architectures", *architectures),
            *("--description", "made by ./build.sh prove, which deletes it again"),
            *("--zip-file", f"fileb://{_zip_of(dist, layer)}"),
        )
        return str(answer["LayerVersionArn"])

    def role(self, sink: Sink) -> str:
        """Make the role of the functions with a sink, and return its ARN."""
        name = self.deployment.role(sink)
        self.journal.add([Thing("role", name)])
        answer = self.aws.call(
            *("iam", "create-role", "--role-name", name),
            *("--assume-role-policy-document", json.dumps(TRUST)),
            *("--tags", f"Key={TAG},Value={self.deployment.id}"),
        )
        policy = policy_of(
            self.deployment,
            sink,
            partition=self.account.partition,
            region=self.account.region,
            account=self.account.number,
        )
        self.aws.call(
            *("iam", "put-role-policy", "--role-name", name, "--policy-name", name),
            *("--policy-document", json.dumps(policy)),
        )
        return str(answer["Role"]["Arn"])

    def bucket(self) -> None:
        """Make the bucket of the sink `s3://`."""
        name, region = self.deployment.prefix, self.account.region
        self.journal.add([Thing("bucket", name)])
        # The first region is the default, and may not be named (AWS: CreateBucket).
        where = [] if region == "us-east-1" else [f"LocationConstraint={region}"]
        self.aws.call(
            *("s3api", "create-bucket", "--bucket", name),
            *(["--create-bucket-configuration", *where] if where else []),
        )
        self.aws.call(
            *("s3api", "put-bucket-tagging", "--bucket", name, "--tagging"),
            f"TagSet=[{{Key={TAG},Value={self.deployment.id}}}]",
        )

    def function(self, function: Planned, *, role: str, layer: str) -> None:
        """Make a function with its log group, and return when Lambda can invoke it."""
        groups = [function.own_group]
        if function.sink.key == "cloudwatch":
            groups.append(function.kept_group)
        # Lambda makes the own log group where the Deny does not hold.
        self.journal.add(
            [*(Thing("group", one) for one in groups), Thing("function", function.name)]
        )
        if function.sink.key != "s3":
            self._group(
                function.kept_group if function.sink.key == "cloudwatch" else function.own_group
            )
        with tempfile.NamedTemporaryFile(suffix=".zip") as file:
            _zip(FUNCTIONS / function.kind.key, Path(file.name))
            self._create(function, role, layer, file.name)
        self._await_active(function.name)

    def _group(self, name: str) -> None:
        self.aws.call(
            *("logs", "create-log-group", "--log-group-name", name),
            *("--tags", f"{TAG}={self.deployment.id}"),
        )
        self.aws.call(
            *("logs", "put-retention-policy", "--log-group-name", name),
            *("--retention-in-days", RETENTION_DAYS),
        )

    def _create(self, function: Planned, role: str, layer: str, code: str) -> None:
        kind = function.kind
        variables = self.deployment.variables(function)
        started = time.monotonic()
        while True:
            try:
                self.aws.call(
                    *("lambda", "create-function", "--function-name", function.name),
                    *("--runtime", kind.runtime, "--handler", kind.handler, "--role", role),
                    *("--architectures", function.architecture, "--layers", layer),
                    *("--memory-size", str(kind.memory_mb)),
                    *("--timeout", str(self.deployment.timeout_s)),
                    *("--tags", f"{TAG}={self.deployment.id}"),
                    *("--environment", json.dumps({"Variables": variables})),
                    *("--zip-file", f"fileb://{code}"),
                )
            except AwsError as error:  # noqa: PERF203 - each turn waits for a second
                new_role = error.code == "InvalidParameterValueException" and "role" in str(error)
                if not new_role or time.monotonic() - started > ROLE_TIMEOUT_S:
                    raise
                self.aws.sleep(POLL_S)
            else:
                return

    def _await_active(self, name: str) -> None:
        started = time.monotonic()
        while True:
            answer = self.aws.call("lambda", "get-function-configuration", "--function-name", name)
            state = str(answer.get("State") or "Active")
            if state == "Active":
                return
            if state == "Failed" or time.monotonic() - started > ACTIVE_TIMEOUT_S:
                why = answer.get("StateReason") or f"it is {state} after {ACTIVE_TIMEOUT_S:.0f} s"
                raise AttachError(f"{name} cannot be invoked: {why}")
            self.aws.sleep(POLL_S)


def _zip(folder: Path, file: Path) -> None:
    """Write a function's code, which anybody may read and run."""
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.iterdir()):
            if path.is_file():
                entry = zipfile.ZipInfo(path.name)
                entry.external_attr = 0o100755 << 16
                archive.writestr(entry, path.read_bytes())
