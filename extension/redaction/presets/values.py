r"""Find the value that stands behind a name, in text, in JSON, and in what languages print of their data.

Between name and value stand a quote, a separator and wrappers: ``password=x``, ``"password":"x"``, ``'password': b'x'``,
``Password:Some("x")``, ``[password] => x``, ``<password>x</password>``. Strings of strings have escaped quotes, so a
string ends at the next quote with as many backslashes as its first one. A value without quotes ends at the first blank,
or where the next field plainly begins: ``&page=``, ``;Encrypt=``, ``, "user":``.

Linear: each pattern takes a bounded number of steps from a place, or never reads a character twice. Pure.
"""

import re
from typing import NamedTuple

Span = tuple[int, int]

MAX_VALUES = 100
"""Values of one structure, such as a list of headers. What follows is masked by its own names, if at all."""

MAX_DEPTH = 6
"""Structures within one another. Each may begin with a name, so a character is read so many times at most."""

MAX_WRAPPERS = 6
"""Wrappers of one value: ``Some(Secret("x"))`` has two."""

_FIELD = r"[\w.\[\]-]{1,64}"
_QUOTE = r"(?:\\{0,31}[\"'`]|&quot;|&#0?3[49];|\\{1,31}u002[27])"
_ENCODED_QUOTE = r"%(?:25)?2[27]"

_CLOSING = re.compile(
    rf"\x00*(?::(?:protected|private|public|\w{{1,64}}:private))?(?:{_QUOTE}|[\])])*"
    r"(?::(?:protected|private|public))?\]?"
)
"""End of a name: padding, PHP's visibility, and what the name stands in."""

_SEPARATOR = re.compile(
    r"\s{0,16}(?:=>|:=|={1,3}|::?|->|\\{1,31}u003[dDaA])(?:\s{0,16})"
    r"|(?:>|&gt;|\\{1,31}u003[eE])\s{0,16}(?=<!\[CDATA\[|[^\s<])"
    r"|\s(?:[\w:-]{1,32}=\"[^\"<>]{0,64}\"\s?){1,4}>"
)
"""Between name and value; behind an XML element's name there may be attributes."""

_TYPE = re.compile(r"\??[A-Za-z][\w.<>]{0,32}\??\s=\s{0,4}(?=[\"'`])")
"""Type in a declaration: ``password: String = "x"``."""

_ENCODED_SEPARATOR = re.compile(
    rf"(?:{_ENCODED_QUOTE})?(?:%20|\+)?%(?:25)?3[AaDd](?:%20|\+)?(?P<quote>{_ENCODED_QUOTE})?"
)
_ENCODED_VALUE = re.compile(r"(?:(?!%(?:25)?(?:2[02679Cc]|7[Dd]|3[Bb]|0[AaDd]|5[Dd]))[^\s&\"'<>])+")
_ENCODED_STRING = re.compile(r"(?:(?!%(?:25)?2[27])[^\s&\"'<>])+")

_STRING_AHEAD = r"(?=\(?(?:[bBuUrRL@]|[rR][bB]|[bB][rR])?\\{0,31}[\"'`])"
_WRAPPER = re.compile(
    # Constructors, conversions and lengths: Some("x"), string(7) "x", (*string)(0xc000)((len=7) "x"), []string{"x"}.
    rf"[A-Za-z_][\w.:<>&]{{0,63}}\(\s?(?:\d{{1,9}}\)\s?)?{_STRING_AHEAD}|\([*\w.]{{1,32}}\)(?=[\s(])\s?"
    rf"|\((?:0x[0-9a-f]{{1,16}}|len=\d{{1,9}}(?:\scap=\d{{1,9}})?)\)\s?|\((?=\(len=)|\[\d{{0,9}}\]\*?[\w.]{{1,32}}(?=\{{)"
    r"|(?:Some|Ok|Just|Optional|Option|Secret\w{0,16}|Sensitive\w{0,16}|Box|Value|string)[\[(]\s?"
    rf"|(?:Just|Right|Left)\s{_STRING_AHEAD}|\#<[\w:.]{{1,64}}\s@?\w{{1,32}}[=:]\s?"
    r"|<!\[CDATA\[|!!\w{1,16}\s|%[qQw]?(?=\{)|[|>][+-]?\r?\n[ \t]{1,32}"
    rf"|(?:[bBuUrRL@]|[rR][bB]|[bB][rR])(?=\\{{0,31}}[\"'`])|&{_STRING_AHEAD}"
)
_WORD_BEHIND_BLANK = re.compile(r" [^\s-]")
_OPENING = re.compile(r"[\[{(]")
_DELIMITER = re.compile(r"$|[\s,;)\]}&\"'`\\<]")
_STRING_BEGIN = re.compile(r"(\\{0,31})([\"'`])|(&quot;|&#0?3[49];|\\{1,31}u002[27])")
_STRUCTURE_TOKEN = re.compile(
    r"(?P<open>[\[{(])|(?P<close>[\])}])|(?P<wrapper>(?:[bBuUrRL@]|[rR][bB])(?=\\{0,31}[\"'`])"
    r"|[A-Za-z]\w{0,31}(?=[\[(]))|(?P<string>\\{0,31}[\"'`]|&quot;|\\{1,31}u002[27])"
    r"|(?P<word>[^\s,;:=\[\](){}\"'`\\]+)"
)
_FOLLOWS_KEY = re.compile(r"\s{0,8}(?::|=>?)\s{0,8}(?![/])")

_TELLS = frozenset(
    (
        *(
            "type",
            "minlength",
            "maxlength",
            "required",
            "format",
            "description",
            "pattern",
            "min",
            "max",
            "label",
        ),
        *(
            "name",
            "id",
            "message",
            "code",
            "error",
            "errors",
            "rule",
            "rules",
            "kind",
            "status",
            "arn",
            "title",
        ),
        *("key", "field"),
    )
)
"""Keys whose values tell of a secret and are none, as in a schema or in the errors of a form."""

_EMPTY = frozenset((*("null", "none", "nil", "undefined", "<nil>", "<null>", "(null)", "nan"),))

_UNQUOTED = re.compile(
    r"(?:[^\s&;,|\"'`<\\%)\]}]+"
    rf"|(?!&(?:amp;)?{_FIELD}=|\\{{1,31}}u0026{_FIELD}(?:=|\\{{1,31}}u003d)"
    r"|;(?:\s|$|[A-Za-z][\w .-]{0,40}=)"
    rf"|,\s{{0,4}}{_QUOTE}?[A-Za-z_]{_FIELD}?{_QUOTE}?\s?[=:]|\|{_FIELD}="
    r"|\\{0,31}[\"'`](?:[\s,;)\]}&>]|$|\\{1,31}[rnt])|</|&lt;/|\\{1,31}u003c/"
    rf"|\\{{1,31}}[rnt](?:[\s\"'\\]|$|[\w.\"' -]{{1,64}}[=:]|--))"
    r"\S)+"
)
"""Value without quotes. No two alternatives begin alike but for one character, so no way is tried twice."""

_BARE = re.compile(r"[^\s,;&\"'`\\\])}]+")
"""Value without quotes of a name with quotes: a number or a word."""

_IN_JSON = re.compile(r"[^\"]*")
_LINE = re.compile(r"[^\r\n\"\\]+")


class Value(NamedTuple):
    """A value: the spans of its parts, where reading goes on, and how it was written."""

    spans: list[Span]
    end: int
    is_quoted: bool = False
    is_plain: bool = False
    """Whether a blank stands before it, and no quote, as in prose."""
    is_structure: bool = False


def string_end(text: str, begin: int, lead: str, quote: str) -> int:
    """Return where the string ends whose first quote, with its backslashes, ends at ``begin``; -1 if it does not end."""
    depth = len(lead)
    at = begin
    while (at := text.find(quote, at)) >= 0:
        first = at
        while first > begin and text[first - 1] == "\\":
            first -= 1
        backslashes = at - first
        if depth & (depth + 1):
            if backslashes <= depth:
                return first
        elif backslashes % (2 * depth + 2) == depth:
            # n levels of escapes put 2^n-1 backslashes before the quote; a backslash of the string doubles itself.
            return at - depth
        at += 1
    return -1


class Reader:
    """Reader of the values in one text.

    Values without quotes may begin within one another, as in ``pin=pin=pin=``. All of them end at the same place, so it
    is kept.
    """

    def __init__(self, text: str, *, is_json: bool) -> None:
        """Read a text; ``is_json`` for JSON whose strings hold no backslash."""
        self.text = text
        self.is_json = is_json
        self._run = (0, 0)

    def value_behind(self, name_end: int, *, blank: bool) -> Value | None:
        """Return the value behind a name; None without one. ``blank``: a blank alone may stand between, as for options."""
        text = self.text
        closing = _CLOSING.match(text, name_end)
        at = closing.end() if closing else name_end
        separator = _SEPARATOR.match(text, at)
        if separator is None:
            value = self._encoded(name_end)
            if value is None and blank and _WORD_BEHIND_BLANK.match(text, at):
                value = self.value_at(at + 1, has_quoted_name=False)
            return value
        begin = separator.end()
        if self.is_json and at == name_end and '"' in text[at:begin]:
            return None
        declared = _TYPE.match(text, begin)
        if declared:
            begin = declared.end()
        value = self.value_at(begin, has_quoted_name=at > name_end)
        if value is not None and not value.is_quoted and separator.group()[-1:] == " ":
            return value._replace(is_plain=at == name_end)
        return value

    def value_at(self, begin: int, *, has_quoted_name: bool = True) -> Value | None:
        """Return the value that begins at a place, without its wrappers."""
        text, at = self.text, begin
        for _ in range(MAX_WRAPPERS):
            wrapper = _WRAPPER.match(text, at)
            if wrapper is None:
                break
            at = wrapper.end()
        is_bare = has_quoted_name or at > begin
        string = _STRING_BEGIN.match(text, at)
        if string:
            return self._string(string)
        if _OPENING.match(text, at):
            structure = self._structure(at)
            if is_bare or _DELIMITER.match(text, structure.end):
                return structure
            # A value that merely begins with a bracket.
        end = self._bare_end(at) if is_bare else self._unquoted_end(at)
        if self.is_json:
            limit = text.find('"', at, end)
            end = limit if limit >= 0 else end
        if end <= at or text[at:end].lower() in _EMPTY:
            return None
        return Value([(at, end)], end)

    def _bare_end(self, at: int) -> int:
        found = _BARE.match(self.text, at)
        return found.end() if found else at

    def _unquoted_end(self, at: int) -> int:
        begin, end = self._run
        if not begin <= at < end:
            found = _UNQUOTED.match(self.text, at)
            end = found.end() if found else at
            self._run = (at, end)
        return end

    def _encoded(self, name_end: int) -> Value | None:
        """Return the value behind a name in percent-encoded text."""
        separator = _ENCODED_SEPARATOR.match(self.text, name_end)
        if separator is None:
            return None
        pattern = _ENCODED_STRING if separator["quote"] else _ENCODED_VALUE
        found = pattern.match(self.text, separator.end())
        return Value([found.span()], found.end()) if found else None

    def _string(self, begins: re.Match[str]) -> Value | None:
        text, at = self.text, begins.end()
        entity, lead, quote = begins[3], begins[1], begins[2]
        end = text.find(entity, at) if entity else string_end(text, at, lead, quote)
        if self.is_json and quote != '"':
            limit = text.find('"', at)
            end = limit if end < 0 or 0 <= limit < end else end
        after = end + len(begins.group())
        if end < 0:
            end = after = len(text)
        if end <= at:
            return None if end < at else Value([], after, is_quoted=True)
        return Value([(at, end)], after, is_quoted=True)

    def _structure(self, begin: int) -> Value:
        """Return the values of a list or an object, but not its keys."""
        text = self.text
        spans: list[Span] = []
        depth = 0
        at = begin
        tells = False
        while len(spans) < MAX_VALUES and (token := _STRUCTURE_TOKEN.search(text, at)):
            kind = token.lastgroup
            depth += (kind == "open") - (kind == "close")
            if depth > MAX_DEPTH:
                break
            at = token.end()
            if depth <= 0:
                break
            if kind in {"open", "close", "wrapper"}:
                tells = False
                continue
            value = self._leaf(token)
            at = value.end
            follows = _FOLLOWS_KEY.match(text, at)
            if follows:
                tells = any(text[start:end].lower() in _TELLS for start, end in value.spans)
                at = follows.end()
                continue
            if not tells:
                spans += [span for span in value.spans if text[slice(*span)].lower() not in _EMPTY]
            tells = False
        return Value(spans, at, is_quoted=True, is_structure=True)

    def _leaf(self, token: re.Match[str]) -> Value:
        """Return a string or a word of a structure."""
        is_string = token.lastgroup == "string"
        begins = _STRING_BEGIN.match(self.text, token.start()) if is_string else None
        if begins is None:
            return Value([token.span()], token.end())
        return self._string(begins) or Value([], token.end())
