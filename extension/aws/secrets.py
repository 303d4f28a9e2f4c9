"""Fetch parameters and secrets from Systems Manager and Secrets Manager."""

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extension.aws.client import AwsClient

SSM = "ssm"

PARAMETERS_A_CALL = 10

SECRETS_A_CALL = 20

MAX_ATTEMPTS = 3
"""Of one call that is throttled or unanswered; beyond that the last value known is good until the next refresh."""

BACKOFF_S = 0.4
"""The longest pause before the second attempt, twice that before the third: all environments ask in the same second,
and GetParameters is granted 40 calls a second by default (AWS: "Systems Manager endpoints and quotas")."""


class Refused(Exception):  # noqa: N818 - it says what is the matter
    """A call got no answer that could be used.

    Attributes:
        detail: for people.
        temporary: whether it is nothing that one of the names asked for could be the reason of.
    """

    def __init__(self, detail: str, *, temporary: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.temporary = temporary


class Fetch:
    """One fetch from one service.

    Attributes:
        values: by name.
        failures: why there is no value, by name.
    """

    def __init__(
        self,
        client: "AwsClient",
        *,
        until_s: float,
        random: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self.values: dict[str, str] = {}
        self.failures: dict[str, str] = {}
        self._client = client
        self._until_s = until_s
        self._random = random
        self._sleep = sleep

    def parameters(self, names: list[str]) -> None:
        """Fetches what is referred to as ``ssm:``."""
        self._ask_for(names, PARAMETERS_A_CALL, self._parameters)

    def secrets(self, names: list[str]) -> None:
        """Fetches what is referred to as ``secretsmanager:``."""
        self._ask_for(names, SECRETS_A_CALL, self._secrets)

    def _ask_for(self, names: list[str], size: int, ask: Callable[[list[str]], None]) -> None:
        for start in range(0, len(names), size):
            several = names[start : start + size]
            self._try(several, ask)
            # Where they were refused together, or some were left out, each may have an answer of its own.
            for name in several:
                if name not in self.values and name not in self.failures:
                    self._try([name], ask)

    def _try(self, names: list[str], ask: Callable[[list[str]], None]) -> None:
        try:
            ask(names)
        except Refused as error:
            if error.temporary or len(names) == 1:
                self.failures.update(dict.fromkeys(names, error.detail))

    def _parameters(self, names: list[str]) -> None:
        said = self._call("AmazonSSM.GetParameters", {"Names": names, "WithDecryption": True})
        for one in _objects(said, "Parameters"):
            selector = _text(one, "Selector")
            for name in (_text(one, "Name"), _text(one, "ARN")):
                self.values[name] = self.values[name + selector] = _text(one, "Value")
        missing = [name for name in names if name not in self.values]
        self.failures.update(dict.fromkeys(missing, "no such parameter"))

    def _secrets(self, names: list[str]) -> None:
        if len(names) == 1:
            said = self._call("secretsmanager.GetSecretValue", {"SecretId": names[0]})
            self.values[names[0]] = _secret(said)
            return
        said = self._call("secretsmanager.BatchGetSecretValue", {"SecretIdList": names})
        for one in _objects(said, "SecretValues"):
            arn = _text(one, "ARN")
            # The six characters that Secrets Manager adds to a name may be left out of an ARN.
            for name in (_text(one, "Name"), arn, arn.rpartition("-")[0]):
                if name in names:
                    self.values[name] = _secret(one)

    def _call(self, target: str, payload: Mapping[str, object]) -> dict[str, object]:
        """Calls, and again where that may help.

        Raises:
            _Refused: there is no answer that can be used.
        """
        from extension.aws.errors import receipt_for_aws
        from extension.model.receipt import Answer
        from extension.transport.errors import Unreachable
        from extension.transport.responses import receipt_for_silence

        attempt = 1
        while True:
            try:
                reply = self._client.call(target, payload, until_s=self._until_s)
                receipt = receipt_for_aws(reply, sent_bytes=0)
                if receipt.answer is Answer.TAKEN:
                    return object_in(reply.body)
            except Unreachable as error:
                receipt = receipt_for_silence(error)
            if receipt.answer is not Answer.UNAVAILABLE:
                raise Refused(receipt.detail)
            pause_s = self._random() * BACKOFF_S * 2 ** (attempt - 1)
            pause_s = max(pause_s, receipt.retry_after_s or 0.0)
            if attempt == MAX_ATTEMPTS or time.monotonic() + pause_s >= self._until_s:
                raise Refused(receipt.detail, temporary=True)
            self._sleep(pause_s)
            attempt += 1


def object_in(text: str | bytes) -> dict[str, object]:
    """Parse a JSON object.

    Raises:
        Refused: the text is not a JSON object.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused("what was fetched is no JSON object")
    return value


def _objects(said: dict[str, object], name: str) -> list[dict[str, object]]:
    listed = said.get(name)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _text(said: dict[str, object], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _secret(said: dict[str, object]) -> str:
    text = said.get("SecretString")
    if not isinstance(text, str):
        raise Refused("the secret is binary")
    return text
