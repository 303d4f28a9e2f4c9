"""Settings that are references: ``ssm:/path`` and ``secretsmanager:ARN-or-name[#key]``, fetched at run time.

Promises: a fetch takes no longer than it is given, asks for many at a time, and raises nothing; a reference that cannot
be fetched keeps the value last known and is told of; no value, and no name of one, is in what is told.

Assumes of AWS: GetParameters takes 10 names and BatchGetSecretValue 20 (AWS: "API_GetParameters" of Systems Manager,
"API_BatchGetSecretValue" of Secrets Manager). Permissions: ``ssm:GetParameters``; ``secretsmanager:GetSecretValue``, and
``secretsmanager:BatchGetSecretValue`` where several secrets are to be one call, which works without it too;
``kms:Decrypt`` for customer-managed keys. GetParameters is refused as a whole if one of its names is, hence one by one
then.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from .config import NEVER_REFERENCES, PREFIX, REFERENCE_FORMS

if TYPE_CHECKING:
    from .aws.client import AwsClient

SSM = "ssm"
SERVICES = (SSM, "secretsmanager")

PARAMETERS_A_CALL = 10
SECRETS_A_CALL = 20

FETCH_TIMEOUT_S = 5.0
"""Of one fetch: a TLS handshake and two calls with the share of a processor that the smallest function has, and two
repetitions. Nothing waits for it but, the first time, what names the sinks."""

MAX_ATTEMPTS = 3
"""Of one call that is throttled or unanswered; beyond that the last value known is good until the next refresh."""

BACKOFF_S = 0.4
"""The longest pause before the second attempt, twice that before the third: all environments ask in the same second,
and GetParameters is granted 40 calls a second by default (AWS: "Systems Manager endpoints and quotas")."""


class Reference(NamedTuple):
    """Where a value is kept.

    Attributes:
        service: the signing name, ``ssm`` or ``secretsmanager``.
        name: of the parameter or the secret, or its ARN.
        key: of the JSON object that the value is; empty for the value itself.
    """

    service: str
    name: str
    key: str = ""


class Fetched(NamedTuple):
    """What a fetch brought.

    Attributes:
        values: by variable: new, or last known.
        problems: variables whose reference could not be fetched, and why.
    """

    values: dict[str, str]
    problems: list[tuple[str, str]]

    def __repr__(self) -> str:
        """Shows no value: each may be a secret."""
        return f"Fetched({len(self.values)} values, problems={self.problems!r})"


def references_in(environ: Mapping[str, str]) -> dict[str, Reference]:
    """Finds the settings that are references, by variable."""
    found = {}
    for variable, value in environ.items():
        text = value.strip()
        name = variable.removeprefix(PREFIX)
        if name == variable or name in NEVER_REFERENCES or not text.startswith(REFERENCE_FORMS):
            continue
        service, _, rest = text.partition(":")
        path, _, key = rest.partition("#")
        found[variable] = Reference(service, path, key)
    return found


def next_refresh_s(now_s: float, *, interval_s: float) -> float:
    """Gives the next multiple of the interval on the clock, in seconds since 1970: the same for all environments."""
    return (now_s // interval_s + 1) * interval_s


class _Refused(Exception):  # noqa: N818 - it says what is the matter
    """A call got no answer that could be used.

    Attributes:
        detail: for people.
        temporary: whether it is nothing that one of the names asked for could be the reason of.
    """

    def __init__(self, detail: str, *, temporary: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.temporary = temporary


class _Fetch:
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
        except _Refused as error:
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
        from .aws.client import receipt_for_aws
        from .parcels import Answer
        from .sinks.answers import receipt_for_silence
        from .transport import Unreachable

        attempt = 1
        while True:
            try:
                reply = self._client.call(target, payload, until_s=self._until_s)
                receipt = receipt_for_aws(reply, sent_bytes=0)
                if receipt.answer is Answer.TAKEN:
                    return _object(reply.body)
            except Unreachable as error:
                receipt = receipt_for_silence(error)
            if receipt.answer is not Answer.UNAVAILABLE:
                raise _Refused(receipt.detail)
            pause_s = self._random() * BACKOFF_S * 2 ** (attempt - 1)
            pause_s = max(pause_s, receipt.retry_after_s or 0.0)
            if attempt == MAX_ATTEMPTS or time.monotonic() + pause_s >= self._until_s:
                raise _Refused(receipt.detail, temporary=True)
            self._sleep(pause_s)
            attempt += 1


class References:
    """Fetches what settings refer to. Used by one thread at a time."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        random: Callable[[], float],
        wall_s: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Takes what it depends on.

        Args:
            environ: the process's environment: what is referred to, region, credentials and endpoints.
            random: gives numbers in [0, 1), for the length of pauses.
            wall_s: seconds since 1970.
            sleep: pauses for some seconds.
        """
        self.references = references_in(environ)
        self._environ = environ
        self._random = random
        self._wall_s = wall_s
        self._sleep = sleep
        self._known: dict[str, str] = {}

    def fetch(self, *, timeout_s: float = FETCH_TIMEOUT_S) -> Fetched:
        """Fetches everything.

        Args:
            timeout_s: the most it may take.
        """
        until_s = time.monotonic() + timeout_s
        fetches = {service: self._fetch_from(service, until_s) for service in SERVICES}
        problems = []
        for variable, reference in self.references.items():
            value, problem = _value(reference, fetches[reference.service])
            if problem:
                problems.append((variable, problem))
            else:
                self._known[variable] = value
        return Fetched(dict(self._known), problems)

    def last_known(self, detail: str) -> Fetched:
        """Gives what was known before, with the same problem for all."""
        return Fetched(dict(self._known), [(variable, detail) for variable in self.references])

    def _fetch_from(self, service: str, until_s: float) -> _Fetch:
        from .aws.client import AwsClient

        # Opened for one fetch: between two of them, certificates loaded for TLS would be a good part of our memory.
        client = AwsClient(service, self._environ, wall_s=self._wall_s)
        fetch = _Fetch(client, until_s=until_s, random=self._random, sleep=self._sleep)
        names = sorted({one.name for one in self.references.values() if one.service == service})
        try:
            (fetch.parameters if service == SSM else fetch.secrets)(names)
        finally:
            client.close()
        return fetch


class Refresher:
    """Fetches on a thread of its own, one fetch at a time. Used by the main loop.

    Attributes:
        descriptor: becomes readable when something can be collected.
        busy: whether a fetch is under way, or what it brought has not been collected.
    """

    def __init__(self, references: References) -> None:
        """Takes what fetches."""
        self._references = references
        self._fetched: Fetched | None = None
        self.descriptor, self._announce = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.busy = False

    def start_fetch(self) -> None:
        """Begins a fetch, unless one is under way."""
        if self.busy:
            return
        self.busy = True
        # A thread for each: one that waits for the next hour's refresh would hold its stack's memory all the while.
        thread = threading.Thread(target=self._run, name="references", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The environment's 1,024 threads and processes are shared with the function.
            self._settle(self._references.last_known("no thread can be started"))

    def collect(self) -> Fetched | None:
        """Gives what was fetched, once it is there."""
        try:
            os.read(self.descriptor, 64)
        except BlockingIOError:
            return None
        self.busy = False
        return self._fetched

    def _run(self) -> None:
        try:
            fetched = self._references.fetch()
        except Exception as error:  # noqa: BLE001 - the settings stay; what broke is said by its type alone
            fetched = self._references.last_known(f"internal error: {type(error).__name__}")
        self._settle(fetched)

    def _settle(self, fetched: Fetched) -> None:
        self._fetched = fetched
        os.write(self._announce, b"!")


def _value(reference: Reference, fetch: _Fetch) -> tuple[str, str]:
    """Gives the value, or else why there is none."""
    text = fetch.values.get(reference.name)
    if text is None:
        return "", fetch.failures[reference.name]
    if reference.key:
        try:
            value = _object(text).get(reference.key)
        except _Refused as error:
            return "", error.detail
        if value is None:
            return "", "the JSON object that was fetched has no such key"
        text = value if isinstance(value, str) else json.dumps(value)
    # What a file was put in from ends in a newline, which nobody means.
    return text.removesuffix("\n").removesuffix("\r"), ""


def _object(text: str | bytes) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _Refused("what was fetched is no JSON object")
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
        raise _Refused("the secret is binary")
    return text
