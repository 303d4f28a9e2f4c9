"""Tell what counts as a secret among the values of a name.

What a name means may depend on its value: ``token: 5`` is a count, ``pwd=/var/task`` a folder, and an ARN names a secret
but is none. Pure.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from extension.redaction.presets.values import Span, Value

_PLACES = (
    *(
        "next",
        "page",
        "continuation",
        "pagination",
        "clientrequest",
        "request",
        "idempotency",
        "cancellation",
        "sync",
    ),
    *(
        "start",
        "resume",
        "cursor",
        "forward",
        "backward",
        "starting",
        "unexpected",
        "invalid",
        "illegal",
        "eof",
        "list",
    ),
)
"""Words that make a ``token`` the place in a list, or a part of a program."""
_CODE_VALUE = re.compile(
    r"(?=[^a-z]{0,40}[a-z])(?=[^0-9]{0,40}[0-9])(?=[^A-Z]{0,40}[A-Z])[\w.~/+=%-]{20,}"
)
_NUMBER = re.compile(r"\d{1,6}\Z")
_SHORT_NUMBER = re.compile(r"[0-9]{3,12}\Z|(?=\D{0,12}\d)[A-Za-z0-9]{4,12}\Z")
_CARD_CODE = re.compile(r"[0-9]{3,4}\Z")
_SIGNED = re.compile(r"(?=[^0-9]{0,60}[0-9])[\w.~/+=%-]{20,}")
_CREDENTIAL = re.compile(r"(?=[^0-9=]{0,80}[0-9=])[\w.~/+=%:$-]{8,}\Z")
_OPAQUE = re.compile(r"[A-Za-z0-9._~+/=-]{16,}\Z|(?=[^0-9]{0,16}[0-9])[A-Za-z0-9._~+/=-]{8,16}\Z")
_PATH = re.compile(r"(?:/|\.{1,2}/|~/|[A-Za-z]:[\\/]|file:)[\w./\\@ -]*\Z")
_REFERENCE = re.compile(
    r"arn:[a-z-]{1,16}:|ssm:|secretsmanager:|alias/|\$\{[^{}]{1,64}\}\Z|\[REDACTED"
)
_AWS_VALUE = re.compile(r"[A-Za-z0-9/+=%]{40,}")
_SCHEME = re.compile(
    r"(?i:bearer|basic|token|apikey|api-key|negotiate|ntlm|digest|hawk|hmac|mac|dpop|bot|jwt|key|oauth|gnap|signature"
    r"|privatetoken|sharedaccesssignature)(?:\s{1,8}|%20|\+)(?=\S)"
)
MAX_COOKIE_CHARS = 8192
"""Of a header without quotes; browsers keep less for one server (RFC 6265, section 6.1)."""
_COOKIE = re.compile(
    r"(?:(?i:path|domain|expires|max-age|samesite|version|comment|priority)|(?P<name>[\w!#$%&*.^`|~+-]{1,128}))="
    r"(?P<value>[^\s;,\"'\\]*)"
)
MIN_STRUCTURE_CHARS = 16
"""Of a value within ``credentials``: regions and the names of profiles are shorter."""
MAX_READ_CHARS = 4096
"""Of a value. A longer one is masked whatever it looks like, since names within it would have it read again."""

MIN_PROSE_CHARS, MIN_AUTH_CHARS, MIN_CODE_CHARS = 20, 12, 16
"""Words of a sentence are shorter, and so are the names of methods and states."""

_BOOLEANS = frozenset({"true", "false"})
_WORD = re.compile(r"[^\s\"'`\])},;&<>\\]+")
_NEXT_COOKIE = re.compile(
    r"(?:\s{0,4}[;,]\s{0,4}(?:(?:HttpOnly|Secure|Partitioned)\b)?){1,8}", re.IGNORECASE
)


class Name(NamedTuple):
    """A name in a text.

    Attributes:
        kind: group of the name's pattern.
        word_begin: where the whole word begins, such as ``DB_PASSWORD``.
        begin: where the part begins that makes it a secret.
        end: where the whole word ends.
    """

    text: str
    kind: str
    word_begin: int
    begin: int
    end: int
    is_plural: bool

    @property
    def prefix(self) -> str:
        """The word's part before, in lower case."""
        return self.text[self.word_begin : self.begin].lower()

    @property
    def word(self) -> str:
        """The beginning of the part that makes it a secret."""
        return self.text[self.begin : self.begin + 3].lower()

    @property
    def quote(self) -> str:
        """The quote directly before the word, if there is one."""
        before = self.text[self.word_begin - 1 : self.word_begin]
        return before if before in {'"', "'"} else ""


class Candidate(NamedTuple):
    """A name with its value, of which ``text`` is one part."""

    name: Name
    value: Value
    text: str

    @property
    def is_prose(self) -> bool:
        """Whether this reads like words of a sentence: ``token: expired``."""
        is_short = len(self.text) < MIN_PROSE_CHARS
        return self.value.is_plain and is_short and not any(map(str.isdigit, self.text))

    @property
    def is_path(self) -> bool:
        """Whether this names a file or a folder."""
        return _PATH.match(self.text) is not None

    @property
    def is_number(self) -> bool:
        """Whether this is a short number, such as a count."""
        return _NUMBER.match(self.text) is not None

    @property
    def is_boolean(self) -> bool:
        """Whether this is true or false."""
        return self.text.lower() in _BOOLEANS


def secrets_of(name: Name, value: Value) -> list[Span]:
    """Return the parts of a name's value that are secrets."""
    return _SECRETS[name.kind](name, value)


def _texts(name: Name, value: Value) -> Iterator[tuple[Span, str]]:
    for span in value.spans:
        text = name.text[span[0] : span[1]]
        if not _REFERENCE.match(text):
            yield span, text


def _chosen(
    accepts: Callable[[Candidate], bool], *, trims: bool = False
) -> Callable[[Name, Value], list[Span]]:
    def chosen(name: Name, value: Value) -> list[Span]:
        value = _trimmed(name, value) if trims else value
        return [
            span
            for span, text in _texts(name, value)
            if len(text) > MAX_READ_CHARS or accepts(Candidate(name, value, text))
        ]

    return chosen


def _trimmed(name: Name, value: Value) -> Value:
    """Leave the punctuation out that stands behind a value without quotes: ``{pin=4711, n=1}``."""
    if value.is_quoted:
        return value
    spans = [
        (start, start + len(name.text[start:end].rstrip(",;.)]}"))) for start, end in value.spans
    ]
    return value._replace(spans=spans)


def _is_password(one: Candidate) -> bool:
    if one.name.is_plural and one.is_number:
        return False
    return not (one.name.word == "pwd" and one.is_path)


def _is_short(one: Candidate) -> bool:
    if one.name.is_plural or one.is_path or one.is_boolean:
        return False
    # Of tests, "pass: 12" is a count.
    return bool(one.name.prefix) or one.value.is_quoted or not (one.is_number or one.is_prose)


def _is_secret(one: Candidate) -> bool:
    text, begin, end = one.name.text, one.name.begin, one.name.end
    if text[begin - 1 : begin] == text[end : end + 1] == ":":
        return False  # An ARN of Secrets Manager.
    return not (one.is_boolean or one.is_path or (one.name.is_plural and one.is_number))


def _is_token(one: Candidate) -> bool:
    if one.name.prefix.rstrip("_-. ").endswith(_PLACES) or one.name.is_plural or one.is_path:
        return False
    is_count = not one.value.is_quoted and (one.is_number or one.is_boolean)
    return not (is_count or one.is_prose)


def _is_key(one: Candidate) -> bool:
    return not (one.is_path or one.is_prose or one.is_boolean)


def _is_credentials(one: Candidate) -> bool:
    is_long = len(one.text) >= MIN_STRUCTURE_CHARS or not one.value.is_structure
    is_credential = _CREDENTIAL.match(one.text) is not None
    return is_long and is_credential and not one.text.startswith(("AKIA", "ASIA"))


def _is_number(one: Candidate) -> bool:
    is_card_code = one.name.word.startswith("cv")
    return (_CARD_CODE if is_card_code else _SHORT_NUMBER).match(one.text) is not None


def _is_signature(one: Candidate) -> bool:
    return _SIGNED.match(one.text) is not None


def _is_auth(one: Candidate) -> bool:
    is_long = len(one.text) >= MIN_AUTH_CHARS and not one.value.is_structure
    return is_long and _CREDENTIAL.match(one.text) is not None


def _is_code(one: Candidate) -> bool:
    before = one.name.text[one.name.word_begin - 1 : one.name.word_begin]
    is_long = len(one.text) >= MIN_CODE_CHARS and not one.value.is_quoted
    return (before in {"?", "&"} and is_long) or _CODE_VALUE.match(one.text) is not None


def _is_aws(one: Candidate) -> bool:
    return _AWS_VALUE.match(one.text) is not None


def _is_any(one: Candidate) -> bool:
    return bool(one.text)


def _authorization(name: Name, value: Value) -> list[Span]:
    """Return what stands behind the scheme, or an opaque token without one."""
    spans: list[Span] = []
    for (start, end), text in _texts(name, value):
        scheme = _SCHEME.match(name.text, start)
        if scheme is None:
            if _OPAQUE.match(text) and text != "AWS4-HMAC-SHA256":
                spans.append((start, end))
            continue
        begin = scheme.end()
        last = end
        if not value.is_quoted or begin >= end:
            word = _WORD.match(name.text, begin)
            last = word.end() if word else begin
        if last > begin and name.text[begin:last].lower() not in {"undefined", "null", "none"}:
            spans.append((begin, last))
    return spans


def _cookies(name: Name, value: Value) -> list[Span]:
    """Return the values of cookies, but not their names and attributes."""
    spans: list[Span] = []
    for start, end in value.spans:
        last = end
        if not value.is_quoted:
            last = min(start + MAX_COOKIE_CHARS, len(name.text))
            newline = name.text.find("\n", start, last)
            last = newline if newline >= 0 else last
        at = start
        while at < last and (pair := _COOKIE.match(name.text, at, last)):
            if pair["name"] and pair["value"]:
                spans.append(pair.span("value"))
            behind = _NEXT_COOKIE.match(name.text, pair.end(), last)
            if behind is None:
                break
            at = behind.end()
        if not spans and value.is_quoted and _OPAQUE.match(name.text[start:end]):
            spans.append((start, end))
    return spans


_SECRETS: dict[str, Callable[[Name, Value], list[Span]]] = {
    "password": _chosen(_is_password),
    "short": _chosen(_is_short),
    "aws": _chosen(_is_aws),
    "secret": _chosen(_is_secret),
    "token": _chosen(_is_token),
    "key": _chosen(_is_key),
    "credentials": _chosen(_is_credentials, trims=True),
    "authorization": _authorization,
    "cookie": _cookies,
    "number": _chosen(_is_number, trims=True),
    "signature": _chosen(_is_signature, trims=True),
    "sig": _chosen(_is_signature, trims=True),
    "auth": _chosen(_is_auth, trims=True),
    "code": _chosen(_is_code),
    "sql": _chosen(_is_any),
}
