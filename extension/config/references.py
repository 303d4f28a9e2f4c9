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
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from extension import PREFIX
from extension.config.settings import NEVER_REFERENCES, REFERENCE_FORMS

if TYPE_CHECKING:
    from extension.aws.secrets import Fetch

SSM = "ssm"
SERVICES = (SSM, "secretsmanager")

FETCH_TIMEOUT_S = 5.0
"""Of one fetch: a TLS handshake and two calls with the share of a processor that the smallest function has, and two
repetitions. Nothing waits for it but, the first time, what names the sinks."""


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

    def _fetch_from(self, service: str, until_s: float) -> "Fetch":
        from extension.aws.client import AwsClient
        from extension.aws.secrets import Fetch

        # Opened for one fetch: between two of them, certificates loaded for TLS would be a good part of our memory.
        client = AwsClient(service, self._environ, wall_s=self._wall_s)
        fetch = Fetch(client, until_s=until_s, random=self._random, sleep=self._sleep)
        names = sorted({one.name for one in self.references.values() if one.service == service})
        try:
            (fetch.parameters if service == SSM else fetch.secrets)(names)
        finally:
            client.close()
        return fetch


def _value(reference: Reference, fetch: "Fetch") -> tuple[str, str]:
    """Gives the value, or else why there is none."""
    from extension.aws.secrets import Refused, object_in

    text = fetch.values.get(reference.name)
    if text is None:
        return "", fetch.failures[reference.name]
    if reference.key:
        try:
            value = object_in(text).get(reference.key)
        except Refused as error:
            return "", error.detail
        if value is None:
            return "", "the JSON object that was fetched has no such key"
        text = value if isinstance(value, str) else json.dumps(value)
    # What a file was put in from ends in a newline, which nobody means.
    return text.removesuffix("\n").removesuffix("\r"), ""
