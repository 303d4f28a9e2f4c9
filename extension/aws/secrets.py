"""Fetch parameters from Systems Manager, secrets from Secrets Manager and objects from S3.

Assumes of AWS: GetParameters takes 10 names and BatchGetSecretValue 20 (AWS: "API_GetParameters" of Systems Manager,
"API_BatchGetSecretValue" of Secrets Manager). Permissions: ``ssm:GetParameters``; ``secretsmanager:GetSecretValue``;
``s3:GetObject``; ``kms:Decrypt`` for customer-managed keys. With ``secretsmanager:BatchGetSecretValue`` many secrets are
one call; without it each is a call of its own. GetParameters refuses all names if it refuses one, so each is then asked
for alone.

No call is repeated here: :mod:`extension.config.refresh_schedule` paces the attempts.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from extension.aws.endpoints import partition_of, region_of
from extension.model.aws_targets import Arn, read_arn
from extension.model.receipt import Answer, Receipt

if TYPE_CHECKING:
    from extension.aws.client import AwsClient
    from extension.aws.objects import Objects

S3, SSM = "s3", "ssm"
PARAMETERS_A_CALL = 10
SECRETS_A_CALL = 20

SECRETS_ONE_BY_ONE = 10
"""Up to so many secrets are a call each: GetSecretValue allows 10,000 calls a second, BatchGetSecretValue 100, which all
environments of an account share (AWS: "Secrets Manager endpoints and quotas")."""


class Refused(Exception):  # noqa: N818 - it says what is the matter
    """A call got no answer that can be used."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.detail)
        self.receipt = receipt


class Stores:
    """The services that keep values. Used by one thread at a time."""

    def __init__(self, *, wall_s: Callable[[], float] = time.time) -> None:
        """Know no object yet."""
        self._wall_s = wall_s
        self._objects: Objects | None = None

    def fetch(
        self, service: str, names: list[str], environ: Mapping[str, str], *, until_s: float
    ) -> tuple[Mapping[str, str], Mapping[str, Receipt]]:
        """Fetch from ``ssm``, ``secretsmanager`` or ``s3``; return the values by name, and why each other name has none."""
        if service != S3:
            return fetch(service, names, environ, until_s=until_s, wall_s=self._wall_s)
        if self._objects is None:
            # Imported here: references to objects are the rarest.
            from extension.aws.objects import Objects

            self._objects = Objects(environ, wall_s=self._wall_s)
        return self._objects.fetch(names, until_s=until_s)


def fetch(
    service: str,
    names: list[str],
    environ: Mapping[str, str],
    *,
    until_s: float,
    wall_s: Callable[[], float] = time.time,
) -> tuple[dict[str, str], dict[str, Receipt]]:
    """Fetch parameters or secrets; return the values by name, and why each other name has none.

    The service is ``ssm`` or ``secretsmanager``. Names are asked for in the function's region, ARNs in their own. Each
    region has an equal share of the time.
    """
    from extension.aws.client import AwsClient

    values: dict[str, str] = {}
    failures: dict[str, Receipt] = {}
    batches = _by_region(names, region_of(environ))
    for number, (arn, several) in enumerate(batches):
        now_s = time.monotonic()
        share_s = (until_s - now_s) / (len(batches) - number)
        # A client for each fetch: between two fetches, the certificates loaded for TLS would take much of our memory.
        with closing(AwsClient(service, environ, wall_s=wall_s, arn=arn)) as client:
            _Fetch(client, now_s + share_s, values, failures).ask_for(several)
    return values, failures


def _by_region(names: list[str], own: str) -> list[tuple[Arn | None, list[str]]]:
    """Group names by the region that answers for them, each with an ARN of it; None for the function's own region."""
    batches: dict[tuple[str, str], tuple[Arn | None, list[str]]] = {}
    for name in names:
        arn = read_arn(name)
        place = (arn.partition, arn.region) if arn else ("", own)
        if arn is None or place == (partition_of(own).name, own):
            arn, place = None, ("", own)
        batches.setdefault(place, (arn, []))[1].append(name)
    return [*batches.values()]


class _Fetch(NamedTuple):
    """One fetch from one service; collects the values, and why values are missing, by name."""

    client: "AwsClient"
    until_s: float
    values: dict[str, str]
    failures: dict[str, Receipt]

    def ask_for(self, names: list[str]) -> None:
        names_a_call = PARAMETERS_A_CALL
        if self.client.service != SSM:
            names_a_call = SECRETS_A_CALL if len(names) > SECRETS_ONE_BY_ONE else 1
        for start in range(0, len(names), names_a_call):
            several = names[start : start + names_a_call]
            throttled = self._try(several)
            # A call that was refused, or left names out, says nothing of each name: so ask for each alone.
            for name in several:
                if name not in self.values and name not in self.failures and throttled is None:
                    throttled = self._try([name])
            if throttled is not None:
                # More calls would take from the quota what others need.
                left = [name for name in names if name not in self.values]
                self.failures.update({n: throttled for n in left if n not in self.failures})
                return

    def _try(self, names: list[str]) -> Receipt | None:
        """Ask for names in one call; return how that was throttled, if it was."""
        try:
            if self.client.service == SSM:
                self._parameters(names)
            elif len(names) == 1:
                answer = self._call("secretsmanager.GetSecretValue", {"SecretId": names[0]})
                self.values[names[0]] = _secret(answer)
            else:
                self._secrets(names)
        except Refused as error:
            receipt = error.receipt
            if receipt.answer is Answer.UNAVAILABLE or len(names) == 1:
                self.failures.update(dict.fromkeys(names, receipt))
            return receipt if receipt.is_throttled else None
        return None

    def _parameters(self, names: list[str]) -> None:
        from extension.aws.errors import Missing

        answer = self._call("AmazonSSM.GetParameters", {"Names": names, "WithDecryption": True})
        for one in _objects(answer, "Parameters"):
            selector = _text(one, "Selector")
            for name in (_text(one, "Name"), _text(one, "ARN")):
                self.values[name] = self.values[name + selector] = _text(one, "Value")
        missing = [name for name in names if name not in self.values]
        receipt = Receipt(Answer.DENIED, Missing.PARAMETER.value)
        self.failures.update(dict.fromkeys(missing, receipt))

    def _secrets(self, names: list[str]) -> None:
        answer = self._call("secretsmanager.BatchGetSecretValue", {"SecretIdList": names})
        for one in _objects(answer, "SecretValues"):
            arn = _text(one, "ARN")
            # The six characters that Secrets Manager adds to a name may be left out of an ARN.
            for name in (_text(one, "Name"), arn, arn.rpartition("-")[0]):
                if name in names:
                    self.values[name] = _secret(one)

    def _call(self, target: str, payload: Mapping[str, object]) -> dict[str, object]:
        """Call an action; raise Refused for an answer that cannot be used, or none."""
        from extension.aws.errors import receipt_for_aws
        from extension.transport.errors import Unreachable
        from extension.transport.responses import receipt_for_silence

        try:
            reply = self.client.call(target, payload, until_s=self.until_s)
        except Unreachable as error:
            raise Refused(receipt_for_silence(error)) from None
        receipt = receipt_for_aws(reply, sent_bytes=0)
        if receipt.answer is not Answer.TAKEN:
            raise Refused(receipt)
        return _object_in(reply.body)


def _object_in(text: bytes) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused(Receipt(Answer.DENIED, "the answer is not a JSON object"))
    return value


def _objects(answer: dict[str, object], name: str) -> list[dict[str, object]]:
    listed = answer.get(name)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _text(answer: dict[str, object], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""


def _secret(answer: dict[str, object]) -> str:
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise Refused(Receipt(Answer.DENIED, "the secret is binary"))
    return text
