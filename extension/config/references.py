"""Resolve settings that are references: ``ssm:/path`` and ``secretsmanager:ARN-or-name[#key]``.

Promises: fetching takes no longer than the time given and raises nothing. A reference that cannot be fetched keeps its
last known value and is reported. No report holds a value, nor the name of a parameter or secret.

The function that asks the services is handed in (:func:`extension.aws.secrets.fetch`): this room knows no AWS client.
"""

import json
import time
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from extension import PREFIX
from extension.config.settings import NEVER_REFERENCES, REFERENCE_FORMS

FETCH_TIMEOUT_S = 5.0
"""Bound on one fetch: a TLS handshake, two calls and two repetitions on the processor share of the smallest function.
Only the first fetch is waited for, and only where a reference names a sink."""


class Reference(NamedTuple):
    """Where a value is stored: name or ARN of a parameter or secret, and a key of the JSON object there, if any."""

    service: str
    name: str
    key: str = ""


class Fetched(NamedTuple):
    """Values by variable, new or last known; and the variables that could not be fetched, each with the reason."""

    values: dict[str, str]
    problems: list[tuple[str, str]]

    def __repr__(self) -> str:
        """Show no value, since each may be a secret."""
        return f"Fetched({len(self.values)} values, problems={self.problems!r})"


class Fetch(Protocol):
    """Function that asks one service for the values of names."""

    def __call__(
        self, service: str, names: list[str], environ: Mapping[str, str], *, until_s: float
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return the values by name, and for each other name the reason why it has none."""


def references_in(environ: Mapping[str, str]) -> dict[str, Reference]:
    """Find the settings that are references, by variable."""
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
    """Return the next multiple of the interval, in seconds since 1970, the same in all environments."""
    return (now_s // interval_s + 1) * interval_s


class References:
    """Fetch the values of references and remember them. Used by one thread at a time."""

    def __init__(self, environ: Mapping[str, str], *, fetch: Fetch) -> None:
        """Find the references."""
        self.references = references_in(environ)
        self._environ = environ
        self._fetch = fetch
        self._known: dict[str, str] = {}

    def fetch(self, *, timeout_s: float = FETCH_TIMEOUT_S) -> Fetched:
        """Fetch the values of all references, within the time given."""
        until_s = time.monotonic() + timeout_s
        answers = {}
        for service in ("ssm", "secretsmanager"):
            names = {one.name for one in self.references.values() if one.service == service}
            if names:
                found = self._fetch(service, sorted(names), self._environ, until_s=until_s)
                answers[service] = found
        problems = []
        for variable, reference in self.references.items():
            values, failures = answers[reference.service]
            if reference.name not in values:
                problems.append((variable, failures[reference.name]))
                continue
            try:
                self._known[variable] = _value(reference, values[reference.name])
            except ValueError as error:
                problems.append((variable, str(error)))
        return Fetched(dict(self._known), problems)

    def last_known(self, detail: str) -> Fetched:
        """Return the last known values, with the same problem for all references."""
        return Fetched(dict(self._known), [(variable, detail) for variable in self.references])


def _value(reference: Reference, text: str) -> str:
    """Return the value of a reference in the fetched text; raise ValueError if there is none."""
    if reference.key:
        try:
            stored = json.loads(text)
        except (ValueError, RecursionError):
            stored = None
        if not isinstance(stored, dict):
            raise ValueError("the value that was fetched is not a JSON object")
        value = stored.get(reference.key)
        if value is None:
            raise ValueError("the JSON object that was fetched has no such key")
        text = value if isinstance(value, str) else json.dumps(value)
    # A value that was stored from a file ends in a newline, which nobody means.
    return text.removesuffix("\n").removesuffix("\r")
