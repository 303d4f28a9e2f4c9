r"""Find secrets by their names: ``DB_PASSWORD=x``, ``{"apiKey": "x"}``, ``Authorization: Basic x``.

The name stays, and its value is masked. A name counts if nothing follows it within its word: ``passwordPolicy`` is none.
Short names, such as ``pin``, must be words of their own: ``user_pin``, ``userPin``, but not ``mapping``. Pure.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from extension.redaction.presets.meanings import Name, secrets_of
from extension.redaction.presets.values import Reader, Value

_KEYS = tuple(
    word + dash
    for word in (
        *(
            "api",
            "access",
            "secret",
            "private",
            "account",
            "encryption",
            "signing",
            "master",
            "auth",
            "app",
            "client",
        ),
        *(
            "application",
            "subscription",
            "functions",
            "session",
            "consumer",
            "ssh",
            "license",
            "shared",
            "symmetric",
        ),
        *("decryption", "webhook", "integration", "deploy"),
    )
    for dash in ("", "_", "-", " ")
)
"""Words that make a ``key`` a secret: ``api_key``."""


_NAME = re.compile(
    r"p(?:(?P<password>assw(?:or[dt]|d)|ass[_-]?(?:phrase|code|key)|wd)|(?P<short>ass)|(?P<number>in))"
    r"|s(?:(?P<aws>ecret[_ -]?access[_ -]?key|ecret[_-]?key|(?:ession|ecurity)[_-]?token)|(?P<secret>ecret)"
    r"|(?P<signature>ignature)|(?P<sig>ig)|(?P<password2>enha))"
    r"|t(?P<token>oken)|k(?:(?P<key>ey)|(?P<password3>ennwort))|a(?:(?P<authorization>uthorization)|(?P<auth>uth))"
    r"|c(?:(?P<credentials>redentials?)|(?P<cookie>ookies?)|(?P<number2>vv2?|vc2?)|(?P<code>ode)"
    r"|(?P<password4>ontrase(?:n|\xf1|\\u00f1)a))|o(?P<number3>tp)|w(?P<password5>achtwoord)"
    r"|m(?:(?P<password6>ot[_-]?de[_-]?passe)|(?P<short2>dp))"
    r"|i(?P<sql>dentified\s{1,8}(?:with\s{1,8}\S{1,64}\s{1,8})?by)"
)
"""Words that make a name a secret, by kind. Each alternative begins with a letter, so ``re`` passes quickly over others."""

_BEGINNINGS = (
    *(
        "pass",
        "pwd",
        "kennwort",
        "contrase",
        "senha",
        "wachtwoord",
        "mot",
        "mdp",
        "secret",
        "session",
    ),
    *(
        "security",
        "token",
        "key",
        "credential",
        "auth",
        "cookie",
        "pin",
        "otp",
        "cvv",
        "cvc",
        "sig",
        "code",
    ),
    "identified",
)
"""With one of these every match of the pattern begins. To find them takes a tenth of the time of a search."""

_TAIL = re.compile(
    r"(?:[_-]?(?:hash|salt|confirm(?:ation)?|repeat|again|value|plain|plaintext|text|string|binary|encrypted|base64|b64"
    r"|raw|old|new|current|previous|prod|dev|staging|test|primary|secondary|live|production|base|key[_-]?base|key|header"
    r"|password|token|secret))?(?P<plural>s(?![a-z]))?(?:[_-]?[0-9]{1,3})?(?![\w]|[-.][\w])"
)
"""End of a name behind the word that makes it a secret; no further word follows."""

_AWS_BLANKS = re.compile(r"(?:\s\[[\w*]{1,24}\])?[\s=:>]{1,16}(?=[A-Za-z0-9/+]{40})")
_WORD_CHARS = "abcdefghijklmnopqrstuvwxyz0123456789_.-/"
_ITEM = re.compile(r"\\{0,31}[\"']\s{0,8},\s{0,64}(?=[bu]?\\{0,31}[\"'])")
_PAIR_NAME = re.compile(
    r"\\{0,31}[\"']?(?:[A-Za-z]{0,16}(?:name|key|field|header|variable|option))\\{0,31}[\"']?\s{0,4}(?:[:=]|=>)\s{0,4}"
    r"(?:\\{0,31}[\"'])?[\w./ -]{0,64}\Z",
    re.IGNORECASE,
)
_PAIR_VALUE = re.compile(
    r"\\{0,31}[\"']?(?:(?:\s{0,8},)?\s{0,8}(?!\\{0,31}[\"']?(?:\w{0,16}value\b|val\b|content\b))\\{0,31}[\"']?[\w-]{1,32}\\{0,31}[\"']?"
    r"\s{0,4}(?:[:=]|=>)\s{0,4}(?:\\{0,31}[\"'][^\"'\\{}]{0,128}\\{0,31}[\"']|[\w.]{1,32})){0,3}"
    r"(?:\s{0,8},)?\s{0,8}\\{0,31}[\"']?(?:\w{0,16}value|val|content)\\{0,31}[\"']?\s{0,4}(?:[:=]|=>)\s{0,4}",
    re.IGNORECASE,
)
_PAIR_BEFORE = re.compile(
    r"(?P<lead>\\{0,31})\"(?:\w{0,16}value|val|content)(?P=lead)\"\s{0,4}:\s{0,4}(?P=lead)\"(?P<secret>[^\"]{0,1000}?)(?P=lead)\""
    r"\s{0,4},\s{0,4}(?P=lead)\"[A-Za-z]{0,16}(?:name|key)(?P=lead)\"\s{0,4}:\s{0,4}(?P=lead)\"[\w./ -]{0,64}\Z",
    re.IGNORECASE,
)
_PAIR_ELEMENT = re.compile(r"\\{0,31}[\"']\s{0,4}/?>\s{0,4}(?=[^\s<])")
_MULTIPART = re.compile(
    r"\\{0,31}\"(?:;[^\r\n\\]{0,200})?(?:(?:\r?\n|\\{1,31}r\\{1,31}n|\\{1,31}n)(?:[A-Za-z-]{1,40}:[^\r\n\\]{0,200}"
    r"(?:\r?\n|\\{1,31}r\\{1,31}n|\\{1,31}n))?){2}"
)
_LINE = re.compile(r"(?:[^\r\n\"\\]|\\(?![rn\"\\]))+")
_BLANK_QUOTE = re.compile(
    r"\s{1,8}\(?(?=\\{0,31}(?:'[^']{1,256}'|\"[^\"]{1,256}\"))|\((?=\\{0,31}['\"])"
)
_OPTION_VALUE = re.compile(r"\\{0,31}[\"']\s{0,8},\s{0,64}(?=\\{0,31}[\"'][^-])")
_BY = re.compile(r"\s{1,8}(?:password\s{1,8}|values\s{1,8})?(?=\\{0,31}['\"])|\s{1,8}(?=[^\s'\"])")


MAX_PAIR_CHARS = 1024
"""How far before its name the value of a pair is looked for."""

PASSWORDS, BEARERS, AWS = "passwords", "bearer-tokens", "aws-keys"
_PRESETS = {"signature": AWS, "authorization": BEARERS, "cookie": BEARERS, "code": BEARERS}


class Found(NamedTuple):
    """A secret: its place, and the preset that found it."""

    start: int
    end: int
    preset: str


def lowered(text: str) -> str:
    """Return text in lower case, with each character in its place."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.translate(_ASCII_LOWER)


_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def named_secrets(text: str, presets: frozenset[str], *, is_json: bool) -> Iterator[Found]:
    """Yield the values of names in text; ``is_json`` for JSON whose strings hold no backslash."""
    low = lowered(text)
    reader = Reader(text, is_json=is_json)
    at = 0
    for match in filter(None, (_NAME.match(low, place) for place in _places(low))):
        if match.start() < at:
            continue
        at = match.end()
        kind = (match.lastgroup or "").rstrip("23456")
        preset = _PRESETS.get(kind, PASSWORDS)
        if preset not in presets and kind != "aws":
            continue
        name = _name(text, low, match, kind)
        if name is None:
            continue
        value = _value(name, reader)
        if value is None:
            continue
        if kind == "aws":
            found = list(_aws_secrets(name, value, presets))
        else:
            found = [Found(*span, preset) for span in secrets_of(name, value)]
        yield from found
        if found:
            at = max(at, found[-1].end)


def _aws_secrets(name: Name, value: Value, presets: frozenset[str]) -> Iterator[Found]:
    spans = secrets_of(name, value) if AWS in presets else []
    for span in spans:
        yield Found(*span, AWS)
    if not spans and PASSWORDS in presets:
        # A secret of another service, or of a form that AWS does not have.
        for span in secrets_of(name._replace(kind="token"), value):
            yield Found(*span, PASSWORDS)


def _places(low: str) -> list[int]:
    """Return where names may begin, in order."""
    places = []
    for beginning in _BEGINNINGS:
        place = low.find(beginning)
        while place >= 0:
            places.append(place)
            place = low.find(beginning, place + 1)
    places.sort()
    return places


def _name(text: str, low: str, match: re.Match[str], kind: str) -> Name | None:
    begin = match.start()
    head = low[max(0, begin - 64) : begin]
    word_begin = begin - len(head) + len(head.rstrip(_WORD_CHARS))
    if kind == "sql":
        return Name(text, kind, word_begin, begin, match.end(), is_plural=False)
    if kind == "key" and not low.endswith(_KEYS, 0, begin):
        return None
    if kind in {"short", "number", "sig", "auth", "code"} and not _begins_word(text, begin):
        return None
    tail = _TAIL.match(low, match.end())
    if tail is None:
        return None
    plural = tail["plural"] is not None
    return Name(text, kind, word_begin, begin, tail.end(), is_plural=plural)


def _begins_word(text: str, at: int) -> bool:
    before = text[at - 1 : at]
    if not before.isalnum() or (text[at].isupper() and not before.isupper()):
        return True
    # Behind an escape: %26pin=1, \npin=1.
    return text[at - 3 : at - 2] == "%" or (text[at - 2 : at - 1] == "\\" and before in "nrt")


def _value(name: Name, reader: Reader) -> Value | None:
    text, end = name.text, name.end
    if name.kind == "sql":
        by = _BY.match(text, end)
        return reader.value_at(by.end()) if by else None
    value = _value_apart(name, reader)
    if value is None:
        value = reader.value_behind(end, blank=name.prefix.startswith("-"))
    if value is None and name.kind == "password":
        blank = _BLANK_QUOTE.match(text, end)
        if blank and not (reader.is_json and text[blank.end()] == '"'):
            value = reader.value_at(blank.end())
    if value is None and name.kind == "aws":
        blanks = _AWS_BLANKS.match(text, end)
        if blanks:
            value = reader.value_at(blanks.end(), has_quoted_name=False)
    return value


def _value_apart(name: Name, reader: Reader) -> Value | None:
    """Return the value that stands apart from its name: in a pair, a list of arguments, or a form."""
    text, end = name.text, name.end
    before = text[max(0, name.word_begin - 80) : name.word_begin].rstrip("\\\"'bu ")
    if before.endswith((":", "=", "=>")):
        before = text[max(0, name.word_begin - 120) : name.begin]
        return _value_of_pair(name, reader) if _PAIR_NAME.search(before) else None
    if not name.quote:
        return None
    is_option = name.prefix.startswith("-")
    item = (_OPTION_VALUE if is_option else _ITEM).match(text, end)
    if item is None:
        return None
    is_header = name.kind in {"authorization", "cookie", "aws"} or "x-" in name.prefix
    value = reader.value_at(item.end())
    return value if is_option or is_header or _is_pair(name, value) else None


def _value_of_pair(name: Name, reader: Reader) -> Value | None:
    text, end = name.text, name.end
    behind = _PAIR_VALUE.match(text, end) or _PAIR_ELEMENT.match(text, end)
    if behind:
        return reader.value_at(behind.end())
    opening = text.rfind("{", max(0, name.begin - MAX_PAIR_CHARS), name.begin)
    ahead = _PAIR_BEFORE.search(text, opening, name.begin) if opening >= 0 else None
    if ahead:
        return Value([ahead.span("secret")], end, is_quoted=True)
    multipart = _MULTIPART.match(text, end)
    line = _LINE.match(text, multipart.end()) if multipart else None
    return Value([line.span()], line.end(), is_quoted=True) if line else None


def _is_pair(name: Name, value: Value | None) -> bool:
    """Tell whether name and value are the only items of a list within a list, or of a tuple."""
    text = name.text
    opening = text[max(0, name.word_begin - 80) : name.word_begin - 1].rstrip("\\ bu\r\n\t")
    if not opening.endswith(("[", "(")):
        return False
    outer = opening[:-1].rstrip()
    if opening.endswith("[") and outer.endswith((":", "=")):
        return False
    return value is not None and text[value.end : value.end + 64].lstrip()[:1] in {"]", ")"}
