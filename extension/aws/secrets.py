"""Fetch parameters from Systems Manager and secrets from Secrets Manager.

Assumes of AWS: GetParameters takes 10 names and BatchGetSecretValue 20 (AWS: "API_GetParameters" of Systems Manager,
"API_BatchGetSecretValue" of Secrets Manager). Permissions: ``ssm:GetParameters``; ``secretsmanager:GetSecretValue``;
``kms:Decrypt`` for customer-managed keys. With ``secretsmanager:BatchGetSecretValue`` several secrets are one call;
without it each is a call of its own. GetParameters refuses all names if it refuses one, so each is then asked for alone.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from extension.aws.endpoints import partition_of, region_of
from extension.model.aws_targets import Arn, read_arn

if TYPE_CHECKING:
    from extension.aws.client import AwsClient

SSM = "ssm"
PARAMETERS_A_CALL = 10
SECRETS_A_CALL = 20

MAX_ATTEMPTS = 3
"""Attempts of one call that is throttled or unanswered. After them the last known value stays until the next refresh."""

BACKOFF_S = 0.4
"""Longest pause before the second attempt; the third waits up to twice as long. All environments ask in the same second,
and GetParameters allows 40 calls a second by default (AWS: "Systems Manager endpoints and quotas")."""


class Refused(Exception):  # noqa: N818 - it says what is the matter
    """A call got no answer that can be used. If ``temporary``, asking for each name alone cannot help."""

    def __init__(self, detail: str, *, temporary: bool = False) -> None:
        super().__init__(detail)
        self.temporary = temporary


def fetch(  # noqa: PLR0913 - the last three are clocks and chance, which tests hand in
    service: str,
    names: list[str],
    environ: Mapping[str, str],
    *,
    until_s: float,
    random: Callable[[], float],
    wall_s: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[dict[str, str], dict[str, str]]:
    """Fetch parameters or secrets; return the values by name, and the reason for each name without one.

    The service is ``ssm`` or ``secretsmanager``. ``random`` returns numbers in [0, 1), for the length of pauses. Names
    are asked for in the function's region, ARNs in their own. Each region has an equal share of the time.
    """
    from extension.aws.client import AwsClient

    values: dict[str, str] = {}
    failures: dict[str, str] = {}
    batches = _by_region(names, region_of(environ))
    for number, (arn, several) in enumerate(batches):
        now_s = time.monotonic()
        share_s = (until_s - now_s) / (len(batches) - number)
        # A client for each fetch: between two fetches, the certificates loaded for TLS would take much of our memory.
        with closing(AwsClient(service, environ, wall_s=wall_s, arn=arn)) as client:
            under_way = _Fetch(client, now_s + share_s, random, sleep, values, failures)
            under_way.ask_for(several, PARAMETERS_A_CALL if service == SSM else SECRETS_A_CALL)
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
    """One fetch from one service; collects the values, and the reasons for values that are missing, by name."""

    client: "AwsClient"
    until_s: float
    random: Callable[[], float]
    sleep: Callable[[float], None]
    values: dict[str, str]
    failures: dict[str, str]

    def ask_for(self, names: list[str], names_a_call: int) -> None:
        for start in range(0, len(names), names_a_call):
            several = names[start : start + names_a_call]
            self._try(several)
            # A call that was refused, or left names out, says nothing of each name: so ask for each alone.
            for name in several:
                if name not in self.values and name not in self.failures:
                    self._try([name])

    def _try(self, names: list[str]) -> None:
        try:
            if self.client.service == SSM:
                self._parameters(names)
            elif len(names) == 1:
                answer = self._call("secretsmanager.GetSecretValue", {"SecretId": names[0]})
                self.values[names[0]] = _secret(answer)
            else:
                self._secrets(names)
        except Refused as error:
            if error.temporary or len(names) == 1:
                self.failures.update(dict.fromkeys(names, str(error)))

    def _parameters(self, names: list[str]) -> None:
        from extension.aws.errors import Missing

        answer = self._call("AmazonSSM.GetParameters", {"Names": names, "WithDecryption": True})
        for one in _objects(answer, "Parameters"):
            selector = _text(one, "Selector")
            for name in (_text(one, "Name"), _text(one, "ARN")):
                self.values[name] = self.values[name + selector] = _text(one, "Value")
        missing = [name for name in names if name not in self.values]
        self.failures.update(dict.fromkeys(missing, Missing.PARAMETER.value))

    def _secrets(self, names: list[str]) -> None:
        answer = self._call("secretsmanager.BatchGetSecretValue", {"SecretIdList": names})
        for one in _objects(answer, "SecretValues"):
            arn = _text(one, "ARN")
            # The six characters that Secrets Manager adds to a name may be left out of an ARN.
            for name in (_text(one, "Name"), arn, arn.rpartition("-")[0]):
                if name in names:
                    self.values[name] = _secret(one)

    def _call(self, target: str, payload: Mapping[str, object]) -> dict[str, object]:
        """Call an action, and repeat the call where that may help; raise Refused for an answer that cannot be used."""
        from extension.aws.errors import receipt_for_aws
        from extension.model.receipt import Answer
        from extension.transport.errors import Unreachable
        from extension.transport.responses import receipt_for_silence

        attempt = 1
        while True:
            try:
                reply = self.client.call(target, payload, until_s=self.until_s)
                receipt = receipt_for_aws(reply, sent_bytes=0)
                if receipt.answer is Answer.TAKEN:
                    return _object_in(reply.body)
            except Unreachable as error:
                receipt = receipt_for_silence(error)
            if receipt.answer is not Answer.UNAVAILABLE:
                raise Refused(receipt.detail)
            pause_s = self.random() * BACKOFF_S * 2 ** (attempt - 1)
            pause_s = max(pause_s, receipt.retry_after_s or 0.0)
            if attempt == MAX_ATTEMPTS or time.monotonic() + pause_s >= self.until_s:
                raise Refused(receipt.detail, temporary=True)
            self.sleep(pause_s)
            attempt += 1


def _object_in(text: bytes) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused("the answer is not a JSON object")
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
        raise Refused("the secret is binary")
    return text
