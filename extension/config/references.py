"""Resolve settings that are references: ``ssm:/path``, ``secretsmanager:ARN-or-name`` and ``s3://bucket/key``.

Each may end in ``#key``, for one key of a JSON object. What SETTINGS refers to is a JSON object of settings, which may be
references in turn.

Promises: fetching takes no longer than the time given and raises nothing. A reference that cannot be fetched keeps its
last known value and is reported. No report holds a value, nor the name of a parameter, a secret or an object.

The function that asks the services is handed in (:class:`extension.aws.secrets.Stores`): this room knows no AWS client.
"""

import json
import time
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from extension import PREFIX
from extension.config.settings import DOCUMENT, Document, is_reference, with_document
from extension.model.receipt import Answer, Receipt

FETCH_TIMEOUT_S = 5.0
"""Bound on one attempt: TLS handshakes and several calls on the processor share of the smallest function. Only the first
fetch is waited for, and only where a reference names a sink."""


class Reference(NamedTuple):
    """Where a value is stored: name or ARN in a service, and a key of the JSON object there, if any."""

    service: str
    name: str
    key: str = ""


class Fetched(NamedTuple):
    """What is known after an attempt.

    Attributes:
        values: by variable, new or last known.
        problems: the variables that could not be fetched, each with the reason.
        document: the settings in the document of SETTINGS, new or last known; None if there is none.
        again: the answer that makes a further attempt worth while; None if there was none.
    """

    values: dict[str, str]
    problems: list[tuple[str, str]]
    document: Document | None = None
    again: Receipt | None = None

    def __repr__(self) -> str:
        """Show no value, since each may be a secret."""
        return f"Fetched({len(self.values)} values, problems={self.problems!r})"


class Fetch(Protocol):
    """Function that asks one service for the values of names."""

    def __call__(
        self, service: str, names: list[str], environ: Mapping[str, str], *, until_s: float
    ) -> tuple[Mapping[str, str], Mapping[str, Receipt]]:
        """Return the values by name, and for each other name the answer that says why it has none."""


def references_in(environ: Mapping[str, str]) -> dict[str, Reference]:
    """Find the settings that are references, by variable."""
    found = {}
    for variable, value in environ.items():
        text = value.strip()
        name = variable.removeprefix(PREFIX)
        if name == variable or not is_reference(name, text):
            continue
        service, _, rest = text.partition(":")
        path, _, key = rest.partition("#")
        found[variable] = Reference(service, path, key)
    return found


class References:
    """Fetch the values of references and remember them. Used by one thread at a time.

    Attributes:
        references: by variable, those in the document of SETTINGS too, as far as that is known.
    """

    def __init__(self, environ: Mapping[str, str], *, fetch: Fetch) -> None:
        """Find the references."""
        self.references = references_in(environ)
        self._environ = environ
        self._fetch = fetch
        self._known: dict[str, str] = {}
        self._document: Document | None = None

    def fetch(self, *, timeout_s: float = FETCH_TIMEOUT_S) -> Fetched:
        """Attempt to fetch the values of all references, within the time given."""
        until_s = time.monotonic() + timeout_s
        own = references_in(self._environ)
        failures = self._look_up(own, until_s)
        if DOCUMENT in own:
            if DOCUMENT in self._known:
                try:
                    self._document = read_document(self._known[DOCUMENT])
                except ValueError as error:
                    failures.setdefault(DOCUMENT, Receipt(Answer.DENIED, str(error)))
            found = references_in(with_document(self._environ, self._document))
            more = {name: one for name, one in found.items() if name not in own}
            failures |= self._look_up(more, until_s)
            own |= more
        self.references = own
        return self._fetched(failures)

    def last_known(self, detail: str, *, may_pass: bool = False) -> Fetched:
        """Return the last known values, with the same problem for all references."""
        receipt = Receipt(Answer.UNAVAILABLE if may_pass else Answer.DENIED, detail)
        return self._fetched(dict.fromkeys(self.references, receipt))

    def _look_up(self, references: Mapping[str, Reference], until_s: float) -> dict[str, Receipt]:
        """Ask the services, remember the values, and return why each other variable has none."""
        answers = {}
        for service in dict.fromkeys(one.service for one in references.values()):
            names = {one.name for one in references.values() if one.service == service}
            answers[service] = self._fetch(service, sorted(names), self._environ, until_s=until_s)
        failures = {}
        for variable, reference in references.items():
            values, missing = answers[reference.service]
            if reference.name not in values:
                failures[variable] = missing[reference.name]
                continue
            try:
                self._known[variable] = _value(reference, values[reference.name])
            except ValueError as error:
                failures[variable] = Receipt(Answer.DENIED, str(error))
        return failures

    def _fetched(self, failures: Mapping[str, Receipt]) -> Fetched:
        problems = [(variable, receipt.detail) for variable, receipt in failures.items()]
        again = [one for one in failures.values() if one.answer is Answer.UNAVAILABLE]
        return Fetched(
            dict(self._known), problems, self._document, _together(again) if again else None
        )


def _together(receipts: list[Receipt]) -> Receipt:
    """Return one answer for several that may all pass: the longest pause that is asked for, and whether any throttles."""
    asked_s = max(one.retry_after_s or 0.0 for one in receipts)
    is_throttled = any(one.is_throttled for one in receipts)
    return receipts[0]._replace(retry_after_s=asked_s, is_throttled=is_throttled)


def read_document(text: str) -> Document:
    """Parse the document of SETTINGS: values by variable, None for one of a kind that cannot be a setting.

    Raises:
        ValueError: it is no JSON object.
    """
    document: dict[str, str | None] = {}
    for name, value in _object_in(text).items():
        usable = isinstance(value, (str, int, float))
        as_text = value if isinstance(value, str) else json.dumps(value) if usable else None
        document[PREFIX + name.removeprefix(PREFIX)] = as_text
    return document


def _value(reference: Reference, text: str) -> str:
    """Return the value of a reference in the fetched text; raise ValueError if there is none."""
    if reference.key:
        value = _object_in(text).get(reference.key)
        if value is None:
            raise ValueError("the JSON object that was fetched has no such key")
        text = value if isinstance(value, str) else json.dumps(value)
    # A value that was stored from a file ends in a newline, which nobody means.
    return text.removesuffix("\n").removesuffix("\r")


def _object_in(text: str) -> dict[str, object]:
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError):
        stored = None
    if isinstance(stored, dict):
        return stored
    raise ValueError("the value that was fetched is not a JSON object")
