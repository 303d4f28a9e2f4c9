"""AWS's services on this machine: moto's server for what data does, ministack for signatures, clocks and permissions.

Neither is imported here: each runs as a process from the services' environment, is started at most once a test process,
when it is first asked for, and ends with that process. moto takes any credentials; ministack, with AUTH on, checks
those of users and roles that were made in it, but not its root pair, which :meth:`AwsService.call` uses.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

import httpx
import pytest

from tests.services.environment import (
    READY_S,
    TIED_TO_PARENT,
    free_port,
    needs_services,
    services_bin,
    unique,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REGION = "eu-west-1"
ACCOUNT = "123456789012"

SIGNING_NAMES = {
    "Logs_20140328": "logs",
    "Firehose_20150804": "firehose",
    "Kinesis_20131202": "kinesis",
    "AmazonSSM": "ssm",
    "secretsmanager": "secretsmanager",
}
"""What a service is called in a signature, by the first part of its X-Amz-Target."""

ALLOW_ALL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


class Keys(NamedTuple):
    """A user's or a role's credentials; the token is empty for a user's."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables that hold them."""
        environ = {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }
        return environ | ({"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {})


class StoredObject(NamedTuple):
    """An object of S3, as it lies there."""

    content: bytes
    headers: Mapping[str, str]


ROOT_KEYS = Keys("test", "test")


@dataclass
class AwsService:
    """A running emulator of AWS, and what tests need to prepare it and to read back.

    Attributes:
        url: without a final slash.
        keys: of whoever prepares and reads back. With ministack, a key of 12 digits is the account.
    """

    url: str
    reset_path: str
    keys: Keys = ROOT_KEYS
    _client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=20))

    def environ(self, keys: Keys | None = None, **more: str) -> dict[str, str]:
        """Give the environment in which the extension finds this service."""
        chosen = keys or self.keys
        return {"AWS_REGION": REGION, "AWS_ENDPOINT_URL": self.url, **chosen.environ, **more}

    def reset(self) -> None:
        """Forget everything."""
        self._client.post(self.url + self.reset_path).raise_for_status()

    def call(self, target: str, **payload: Any) -> dict[str, Any]:
        """Call an action of a JSON service, such as ``Logs_20140328.CreateLogGroup``."""
        response = self._request(
            SIGNING_NAMES[target.partition(".")[0]],
            "POST",
            "/",
            headers={"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"},
            content=json.dumps(payload).encode(),
        )
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer

    def query(self, service: str, action: str, **parameters: str) -> str:
        """Call an action of IAM, STS or CloudWatch (monitoring), and give the XML of the answer."""
        version = {"iam": "2010-05-08", "sts": "2011-06-15", "monitoring": "2010-08-01"}[service]
        form = urlencode({"Action": action, "Version": version, **parameters}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._request(service, "POST", "/", headers=headers, content=form).text

    def rest(self, method: str, path: str, **payload: Any) -> dict[str, Any]:
        """Call an action of Lambda, such as ``POST /2015-03-31/functions``."""
        content = json.dumps(payload).encode() if payload else b""
        response = self._request("lambda", method, path, content=content)
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer

    # CloudWatch Logs

    def log_events(self, group: str, stream: str) -> list[dict[str, Any]]:
        """Give every event of a stream, in CloudWatch's order."""
        events: list[dict[str, Any]] = []
        token = ""
        while True:
            page = self.call(
                "Logs_20140328.GetLogEvents",
                logGroupName=group,
                logStreamName=stream,
                startFromHead=True,
                **({"nextToken": token} if token else {}),
            )
            events += page["events"]
            if not page["events"] or page["nextForwardToken"] == token:
                return events
            token = page["nextForwardToken"]

    def log_streams(self, group: str) -> list[str]:
        """Give the names of a group's streams."""
        page = self.call("Logs_20140328.DescribeLogStreams", logGroupName=group)
        return [stream["logStreamName"] for stream in page["logStreams"]]

    # S3

    def make_bucket(self, name: str) -> str:
        """Make a bucket, and give its name."""
        xml = f"<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        self._request("s3", "PUT", f"/{name}", content=xml.encode())
        return name

    def object_keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Give the keys in a bucket; at most 1,000."""
        path = f"/{bucket}?list-type=2&encoding-type=url&prefix={quote(prefix, safe='')}"
        found = re.findall(r"<Key>(.*?)</Key>", self._request("s3", "GET", path).text)
        return [str(httpx.URL(f"http://h/?k={key}").params["k"]) for key in found]

    def put_object(self, bucket: str, key: str, text: str) -> None:
        """Store an object."""
        self._request("s3", "PUT", f"/{bucket}/{quote(key, safe='/')}", content=text.encode())

    def object(self, bucket: str, key: str) -> StoredObject:
        """Give an object; nothing of it is decompressed."""
        path = f"/{bucket}/{quote(key, safe='/')}"
        headers = {"Accept-Encoding": "identity"}
        response = self._request("s3", "GET", path, headers=headers, stream=True)
        return StoredObject(b"".join(response.iter_raw()), response.headers)

    # IAM and STS

    def user_keys(self, policy: Mapping[str, Any] | None = ALLOW_ALL) -> Keys:
        """Make a user who may do what the policy says, or nothing, and give its keys."""
        name = unique("user")
        self.query("iam", "CreateUser", UserName=name)
        if policy is not None:
            document = json.dumps(policy)
            self.query(
                "iam", "PutUserPolicy", UserName=name, PolicyName="p", PolicyDocument=document
            )
        xml = self.query("iam", "CreateAccessKey", UserName=name)
        return Keys(_text(xml, "AccessKeyId"), _text(xml, "SecretAccessKey"))

    def role_keys(self, policy: Mapping[str, Any] = ALLOW_ALL) -> Keys:
        """Make a role, and give the credentials of a session of it, with a session token."""
        name = unique("role")
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
            ],
        }
        self.query("iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        document = json.dumps(policy)
        self.query("iam", "PutRolePolicy", RoleName=name, PolicyName="p", PolicyDocument=document)
        arn = _text(self.query("iam", "GetRole", RoleName=name), "Arn")
        xml = self.query("sts", "AssumeRole", RoleArn=arn, RoleSessionName="session")
        return Keys(
            *(_text(xml, tag) for tag in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
        )

    def _request(
        self,
        service: str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        stream: bool = False,
    ) -> httpx.Response:
        # Both emulators find out from the signature which service is meant; neither checks the root pair's.
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{self.keys.access_key_id}/{date[:8]}/{REGION}/{service}/aws4_request"
        signature = f"Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
        signed = {"Authorization": f"AWS4-HMAC-SHA256 {signature}", "X-Amz-Date": date}
        request = self._client.build_request(
            method, self.url + path, headers={**(headers or {}), **signed}, content=content
        )
        response = self._client.send(request, stream=stream)
        if response.is_error:
            response.read()
            raise AssertionError(f"{service} {path}: {response.status_code} {response.text[:500]}")
        return response


def _text(xml: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", xml)
    assert found is not None, f"no {tag} in the answer"
    return found.group(1)


@contextlib.contextmanager
def running_moto() -> Iterator[AwsService]:
    """Run moto's server."""
    port = free_port()
    command = [str(needs_services("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, port, "/moto-api/data.json", {}) as url:
        yield AwsService(url, "/moto-api/reset")


@contextlib.contextmanager
def running_ministack() -> Iterator[AwsService]:
    """Run ministack, which checks signatures and permissions."""
    services = "logs,s3,firehose,kinesis,ssm,secretsmanager,iam,sts,kms,cloudformation,lambda"
    with _running_ministack(services, auth=True) as url:
        yield AwsService(url, "/_ministack/reset")


@contextlib.contextmanager
def running_control_plane() -> Iterator[AwsService]:
    """Run ministack with Lambda's control plane and all that is beside a function; it takes any credentials.

    It refuses a revision that is not the newest, a layer of another region and what is over 250 MB unzipped; an update
    takes it half a second; and it judges by a role's policies as IAM does.
    """
    services = "lambda,logs,iam,sts,monitoring,cloudwatch,tagging,s3"
    with _running_ministack(services, auth=False) as url:
        yield AwsService(url, "/_ministack/reset", Keys(ACCOUNT, "test"))


@contextlib.contextmanager
def _running_ministack(services: str, *, auth: bool) -> Iterator[str]:
    port = free_port()
    environ = {
        "AUTH": "true" if auth else "false",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "SERVICES": services,
    }
    needs_services("ministack")
    program = Path(__file__).with_name("ministack_streams.py")
    command = [str(services_bin("python")), str(program)]
    with _running(command, port, "/_ministack/health", environ) as url:
        yield url


@contextlib.contextmanager
def _running(
    command: list[str], port: int, ready_path: str, environ: Mapping[str, str]
) -> Iterator[str]:
    url = f"http://127.0.0.1:{port}"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-IS", "-c", TIED_TO_PARENT, *command],
            cwd=folder,
            env={**kept, "TMPDIR": folder, **environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            if not _answers(url + ready_path, process):
                log.seek(0)
                said = log.read()[-2000:].decode("utf-8", "replace")
                pytest.fail(f"{command[0]} did not come up within {READY_S:.0f} s:\n{said}")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False, timeout=5).is_success:
                return True
        time.sleep(0.02)
    return False


_open: list[AbstractContextManager[AwsService]] = []


@functools.cache
def moto() -> AwsService:
    """Give this test process's moto, started when it is first asked for."""
    return _kept_open(running_moto())


@functools.cache
def ministack() -> AwsService:
    """Give this test process's ministack, started when it is first asked for."""
    return _kept_open(running_ministack())


@functools.cache
def control_plane() -> AwsService:
    """Give this test process's control plane, started when it is first asked for."""
    return _kept_open(running_control_plane())


def _kept_open(running: AbstractContextManager[AwsService]) -> AwsService:
    service = running.__enter__()
    if not _open:
        import atexit

        atexit.register(lambda: [one.__exit__(None, None, None) for one in _open])
    _open.append(running)
    return service
