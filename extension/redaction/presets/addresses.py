r"""Find e-mail addresses, and passwords in URLs and in commands.

Each pattern begins at a character that its runs do not hold, or takes a bounded number of steps. Pure.
"""

import re
from collections.abc import Iterator

from extension.redaction.presets.values import Span

_AT = re.compile(r"@|%(?:25)?40|\\{1,31}u0040")
_ESCAPED = r"\\{1,31}u(?!00[0-3])[0-9a-fA-F]{4}"
_LOCAL_BACKWARDS = re.compile(
    r"(?:[\w.!#$%&'*+/=?^{|}~-]|\\(?<=[0-9a-fA-F]{4}u\\)(?<![0-9a-fA-F][0-7]00u\\))+"
)
"""Local part, read backwards, with escaped letters such as ``\u00fc``."""
_ESCAPE = re.compile(r"u[0-9a-fA-F]{4}|[nrtbf]")
_LEAD = re.compile(r".*(?:[=?&]|%(?:3[ADFadf]|2[0267CFcf]|7[Bb]|5[Bb]))")
"""Field before an address, in a query or a form."""
_QUOTED_LOCAL = re.compile(r"\"[^\"@\n]{1,64}\"\Z|\\{1,31}\"[^\"@\\\n]{1,64}\\{1,31}\"\Z")
_DOMAIN = re.compile(
    rf"(?:[\w-]|{_ESCAPED}){{1,63}}(?:\.(?:[\w-]|{_ESCAPED}){{1,63}})*?"
    rf"\.(?:xn--[A-Za-z0-9-]{{1,59}}|(?:[^\W\d_]|{_ESCAPED}){{2,24}})(?![\w-]|\.[\w])"
    r"|localhost(?:\.localdomain)?(?![\w-]|\.[\w])"
)
_FILES = frozenset(
    (
        *(
            "png",
            "jpg",
            "jpeg",
            "gif",
            "svg",
            "webp",
            "ico",
            "bmp",
            "avif",
            "tgz",
            "gz",
            "zip",
            "tar",
            "jar",
        ),
        *(
            "war",
            "whl",
            "js",
            "mjs",
            "cjs",
            "jsx",
            "ts",
            "tsx",
            "css",
            "scss",
            "html",
            "htm",
            "json",
            "yaml",
        ),
        *(
            "yml",
            "toml",
            "lock",
            "map",
            "pdf",
            "mp4",
            "woff",
            "woff2",
            "ttf",
            "git",
            "log",
            "txt",
            "xml",
            "csv",
        ),
        *(
            "service",
            "socket",
            "target",
            "timer",
            "slice",
            "scope",
            "mount",
            "device",
            "py",
            "java",
            "go",
            "rb",
        ),
        *("php", "sh", "exe", "dll", "so"),
    )
)
"""Last parts of names that are files, units of systemd, or names of classes."""
_COUNTRIES = frozenset(["py", "sh", "so"])
_SCP_PATH = re.compile(r":[\w.~/-]{0,200}\.git\b")
MAX_LOCAL_CHARS = 320
"""Longest local part that is masked whole: five times what RFC 5321 allows, for its percent-encoded form."""

_SCHEME = re.compile(r"(?:(?<=[A-Za-z0-9])):(?:\\*/){2}|%3[Aa](?:%2[Ff]){2}")
_URL_SIGNS = re.compile(r"//|%(?=2[Ff]%)|/(?<=\\/)\\")
_AUTHORITY = re.compile(r"[^\s\"'<>`]+")
_PORT = re.compile(r"\d{1,5}(?:\\?[/?#]|\Z)")
_ORACLE = re.compile(
    r"(?i:\bthin:|\bsqlplus\s{1,4}(?:-\w{1,8}\s{1,4}){0,4})[\w.$#]{1,64}/(?P<secret>[^\s@\"']{1,200})@"
)

_OPTION_SIGNS = re.compile(r"-(?<=[\s\"',]-)|:(?<=pass:)")
_COMMAND = re.compile(
    r"\b(?:(?P<mysql>mysql\w{0,16}|mariadb\w{0,16}|mycli|7za?)|(?P<user>curl|wget|http|https|xh|svn)"
    r"|(?P<p>sshpass|docker|podman|helm|oc|mongo|mongosh|mongodump|mongorestore|az|htpasswd|zip|unzip|nerdctl|skopeo|buildah)"
    r"|(?P<a>redis-cli)|(?P<w>ldapsearch|ldapmodify|ldapadd|ldapwhoami)|(?P<P>sqlcmd|bcp|zip|unzip|tsql|isql|ipmitool)"
    r"|(?P<pass>openssl))(?:\.exe)?(?=[\s\"',])"
)
_GAP = r"(?:\s{1,8}|\\{0,31}[\"'],\s{0,4}\\{0,31}[\"'])"
_WORD = r"(?:'(?P<one>[^'\"\s][^'\"]*)'|(?P<many>[^\s\"',\\]+))"
_OPTIONS = {
    "mysql": re.compile(rf"{_GAP}-p(?P<secret>[^\s\"'\\]+|(?<=\s-p)'[^'\"]+')"),
    "user": re.compile(
        rf"{_GAP}(?:-u|-U|--user|--proxy-user|-a|--auth|--oauth2-bearer)(?:{_GAP}|=|(?<=-u))(?P<quote>\\{{0,31}}['\"])?[^\s:\"'\\]{{1,128}}:"
        r"(?P<secret>(?(quote)[^\"'\\]+|[^\s\"'\\]+))"
    ),
    "p": re.compile(
        rf"{_GAP}(?:-p|--password-stdin=)(?:{_GAP}|=)?(?P<quote>\\{{0,31}}['\"])?(?P<secret>[^\s\"'\\:-][^\s\"'\\:]*)(?=[\s\"'\\]|$)"
    ),
    "a": re.compile(rf"{_GAP}(?:-a|--pass){_GAP}(?P<secret>[^\s\"'\\-][^\s\"'\\]*)"),
    "w": re.compile(
        rf"{_GAP}-w{_GAP}(?P<quote>\\{{0,31}}['\"])?(?P<secret>[^\s\"'\\-][^\s\"'\\]*)"
    ),
    "P": re.compile(
        rf"{_GAP}-P{_GAP}?(?P<quote>\\{{0,31}}['\"])?(?P<secret>[^\s\"'\\-][^\s\"'\\]*)"
    ),
    "pass": re.compile(r"\bpass:(?P<secret>[^\s\"'\\]+)"),
}
MAX_COMMAND_CHARS = 400
"""How far from a command its options are looked for."""

_BASIC_AUTH = re.compile(
    r"(?i:\bauth(?:entication)?\\{0,31}[\"']?\s{0,2}[:=]\s{0,2}|basicauth|withbasicauth)\(?\[?(?<=[\[(])\s{0,2}[bu]?\\{0,31}[\"'][^\"'\\]{0,128}\\{0,31}[\"']"
    r"\s{0,2},\s{0,2}[bu]?\\{0,31}[\"'](?P<secret>[^\"'\\]{1,256})"
)


def emails(text: str, *, is_json: bool) -> Iterator[Span]:
    """Yield e-mail addresses, also percent-encoded, with letters of any script, and with quoted local parts."""
    last = 0
    for sign in _AT.finditer(text):
        at, behind = sign.span()
        domain = _DOMAIN.match(text, behind)
        if domain is None:
            continue
        begin = _local_begin(text, max(last, at - MAX_LOCAL_CHARS), at, is_json=is_json)
        if begin is None or _is_no_address(text[begin:at], domain.group(), text, domain.end()):
            continue
        last = domain.end()
        yield begin, last


def _local_begin(text: str, first: int, at: int, *, is_json: bool) -> int | None:
    """Return where the local part that ends at ``at`` begins."""
    if at > first and text[at - 1] == '"':
        quoted = None if is_json else _QUOTED_LOCAL.search(text, max(first, at - 70), at)
        return quoted.start() if quoted else None
    before = text[first:at][::-1]
    local = _LOCAL_BACKWARDS.match(before)
    if local is None:
        return None
    begin = at - local.end()
    if text[begin - 1 : begin] == "\\":
        escape = _ESCAPE.match(text, begin, at)
        begin = escape.end() if escape else begin
    lead = _LEAD.match(text, begin, at)
    begin = lead.end() if lead else begin
    if text[begin : begin + 1] == "/" or text[begin - 1 : begin] == ":":
        begin = max(begin, text.rfind("/", begin, at) + 1)
    begin += len(text[begin:at]) - len(text[begin:at].lstrip("{|}$*^~'/"))
    return begin if begin < at and text[at - 1] != "." else None


def _is_no_address(local: str, domain: str, text: str, end: int) -> bool:
    """Tell whether what looks like an address is a file, a repository or an image."""
    suffix = domain.rpartition(".")[2].lower()
    if suffix in _FILES and (suffix not in _COUNTRIES or domain[:1].isdigit()):
        return True
    return local.rpartition("/")[2] == "git" or _SCP_PATH.match(text, end) is not None


def url_passwords(text: str) -> Iterator[Span]:
    """Yield passwords of URLs: between the colon behind a user, who may be an address, and the host's ``@``."""
    schemes = list(_SCHEME.finditer(text)) if _URL_SIGNS.search(text) else []
    # A URL does not reach into the next one.
    ends = [*(scheme.start() for scheme in schemes[1:]), len(text)]
    for scheme, end in zip(schemes, ends, strict=False):
        authority = _AUTHORITY.match(text, scheme.end(), end)
        if authority is None:
            continue
        is_encoded = scheme.group()[0] == "%"
        signs = ("%3A", "%40", "%2F") if is_encoded else (":", "@", "/")
        span = _password_of(text, *authority.span(), *signs)
        if span:
            yield span
    if "thin:" in text.lower() or "sqlplus" in text.lower():
        for match in _ORACLE.finditer(text):
            yield match.span("secret")


def _password_of(text: str, begin: int, end: int, colon: str, sign: str, slash: str) -> Span | None:
    first_slash = text.find(slash, begin, end)
    first_slash = end if first_slash < 0 else first_slash
    at = text.rfind(sign, begin, first_slash)
    if at < 0:
        # The password may hold a slash, unless it would be a port and a path.
        at = text.find(sign, first_slash, end)
        colon_at = text.find(colon, begin, first_slash)
        if at < 0 or colon_at < 0 or _PORT.match(text, colon_at + len(colon), end):
            return None
    user_end = text.find(colon, begin, at)
    if user_end < 0 or user_end + len(colon) >= at:
        return None
    return user_end + len(colon), at


def command_passwords(text: str) -> Iterator[Span]:
    """Yield passwords among the arguments of commands: ``mysql -psecret``, ``curl -u user:secret``."""
    at = 0 if _OPTION_SIGNS.search(text) else len(text)
    while command := _COMMAND.search(text, at):
        at = command.end()
        option = _OPTIONS[command.lastgroup or ""].search(text, at - 1, at + MAX_COMMAND_CHARS)
        if option:
            start, end = option.span("secret")
            yield start, end
            at = end
    if "auth" in text or "Auth" in text:
        for match in _BASIC_AUTH.finditer(text):
            yield match.span("secret")
