"""Find secrets by their own form: access keys, tokens of vendors, JSON Web Tokens, private keys. Pure."""

import re
from collections.abc import Iterator

from extension.redaction.presets.values import Span

_BEGIN = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4})|(?<=\x1b\[..m))"
"""No letter and no digit stands before, unless it belongs to an escape."""
_END = r"(?![A-Za-z0-9])"

# Access keys, and the other unique ids of IAM that give access (AWS: IAM identifiers).
_ACCESS_KEY = re.compile(rf"(?=A[KSBC]){_BEGIN}(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{{16}}{_END}")

# Session tokens of STS begin alike, as they begin with the same fields.
_SESSION_TOKEN = re.compile(
    r"(?=[FIA])(?:IQoJb3JpZ2luX2|F[wQ]oGZXIvYXdz|[FA]QoDYXdz)[A-Za-z0-9+/=_%-]{20,}"
)

_BEARER = re.compile(
    r"\bbearer(?:\s{1,8}|%20|\+)(?P<secret>[A-Za-z0-9._~+/=-]{16,})", re.IGNORECASE
)

_JWT_BEGIN = re.compile(rf"(?=e[yw]){_BEGIN}(?:eyJ|e[wy][oAkgN])(?=[A-Za-z0-9_-]{{6}})")
"""JSON Web Token (RFC 7519): parts in base64, of which the first begins like JSON."""
_JWT_PART = re.compile(r"[A-Za-z0-9_-]+")
_JWT_REST = re.compile(r"\.(?:[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){0,3}|\.[A-Za-z0-9_.-]*)")
"""It may be cut off behind two parts, and an encrypted one may lack its second."""

_WORD = "[A-Za-z0-9_-]"
_HEX = "[0-9a-f]"
_VENDORS = (
    # GitHub: "About authentication", token formats.
    r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",
    rf"gl(?:pat|ptt|dt|rt|cbt|ft|imt|agent|oas|soat|ffct|rtr|wt)-{_WORD}{{16,}}(?:\.[A-Za-z0-9_.-]{{2,}})?|GR1348941{_WORD}{{20,}}",
    r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|xwfp-[A-Za-z0-9-]{10,}",
    r"(?:https?:\\*/\\*/)?hooks\.slack(?:-gov)?\.com\\*/(?:services|workflows|triggers)\\*/[A-Za-z0-9_/\\-]{8,}",
    r"[srp]k_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}",
    # Google: API keys, OAuth client secrets, access and refresh tokens.
    rf"AIza{_WORD}{{30,}}|GOCSPX-{_WORD}{{20,}}|ya29\.[A-Za-z0-9_.-]{{20,}}|1//0[A-Za-z0-9_-]{{20,}}",
    r"npm_[A-Za-z0-9]{30,}|pypi-AgE[A-Za-z0-9_-]{20,}|rubygems_[0-9a-f]{40,}|oy2[a-z0-9]{43}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}",
    r"SG\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}|(?:SK|sk)[0-9a-f]{32}|key-[0-9a-f]{32}|[0-9a-f]{32}-us[0-9]{1,2}",
    r"xkeysib-[0-9a-f]{40,}-[A-Za-z0-9]{10,}|pubkey-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}",
    # OpenAI, Anthropic, OpenRouter and others: a prefix, kinds, and a long rest.
    r"sk-(?:[a-z0-9]{2,12}-){0,3}[A-Za-z0-9_-]{20,}|sess-[A-Za-z0-9]{30,}|(?:gsk|xai|pplx|r8|hf|tgp_v1|jina|fw)[_-][A-Za-z0-9_-]{24,}",
    rf"do[opr]_v1_{_HEX}{{32,}}|api_org_[A-Za-z]{{30,}}|dapi{_HEX}{{32}}(?:-\d)?|NRAK-[A-Z0-9]{{20,}}|NRJS-{_HEX}{{15,}}|NRII-{_WORD}{{20,}}",
    rf"shp(?:at|ca|pa|ss|tka|ua)_[0-9a-fA-F]{{32,}}|sq0[a-z]{{3}}-{_WORD}{{20,}}|EAAA[A-Za-z]{_WORD}{{50,}}|EAACEdEose0cBA[A-Za-z0-9]{{10,}}",
    # Telegram's bots.
    rf"[0-9]{{8,10}}:AA{_WORD}{{32,34}}",
    # Azure: client secrets of Entra ID, and keys with their checksum.
    r"[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}|[A-Za-z0-9+/]{76}\+ASt[A-Za-z0-9+/=]{4,}|[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{20,}",
    rf"hv[sbr]\.{_WORD}{{20,}}|glsa_[A-Za-z0-9]{{32}}_{_HEX}{{8}}|glc_[A-Za-z0-9+/=]{{32,}}|[A-Za-z0-9]{{14}}\.atlasv1\.{_WORD}{{60,}}",
    (
        rf"ATATT3{_WORD}{{20,}}={{0,2}}[0-9A-F]{{0,8}}|ATBB[A-Za-z0-9]{{20,}}|lin_(?:api|oauth)_[A-Za-z0-9]{{30,}}|figd_{_WORD}{{30,}}"
        rf"|PMAK-{_HEX}{{24}}-{_HEX}{{34}}|pul-{_HEX}{{40}}|sntry[su]_[A-Za-z0-9+/=_-]{{30,}}|sb[pa]_[A-Za-z0-9_]{{30,}}"
        rf"|ntn_[A-Za-z0-9]{{40,}}|secret_[A-Za-z0-9]{{43}}|CFPAT-{_WORD}{{40,}}|HRKU-{_WORD}{{30,}}|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{{30,}}"
        rf"|fm[12]_[A-Za-z0-9+/=_-]{{40,}}|AGE-SECRET-KEY-1[A-Z0-9]{{50,}}|PMAT-[A-Z0-9]{{20,}}|ops_eyJ[A-Za-z0-9_-]{{40,}}"
    ),
    # Discord: bots, and webhooks; Microsoft Teams' webhooks.
    rf"[MNO][A-Za-z0-9]{{23,25}}\.{_WORD}{{6}}\.{_WORD}{{27,38}}",
    r"(?:https?:\\*/\\*/)?(?:\w{1,10}\.)?discord(?:app)?\.com\\*/api\\*/webhooks\\*/\d{10,}\\*/[A-Za-z0-9_-]{30,}",
    r"(?:https?:\\*/\\*/)?[a-z0-9-]{1,60}\.webhook\.office\.com\\*/webhookb2\\*/[A-Za-z0-9@/\\-]{30,}",
)
_VENDOR = re.compile(rf"{_BEGIN}(?:{'|'.join(_VENDORS)})")

_KEY_BEGIN = re.compile(
    r"-{4,5}(?: |%20|\+)?BEGIN(?:[A-Z0-9 +]|%20){0,40}PRIVATE(?: |%20|\+)KEY(?:(?: |%20|\+)BLOCK)?(?: |%20|\+)?-{4,5}"
    r"|(?i:private-lines:)\s{0,4}\d{1,4}(?:\s|\\n|\\r)"
)
_KEY_END = re.compile(
    r"-{4,5}(?: |%20|\+)?END(?:[A-Z0-9 +]|%20){0,40}PRIVATE(?: |%20|\+)KEY(?:(?: |%20|\+)BLOCK)?(?: |%20|\+)?-{4,5}"
)
_PUTTY_END = re.compile(r"(?i:private-mac)")
_ENCODED_KEY = re.compile(r"LS0tLS1CRUdJTi(?!BDRVJ|BQVUJM|BYNTA5|BUUlVT)[A-Za-z0-9+/=_%-]{40,}")
"""A private key in base64, which is no certificate and no public key."""

_JWK_MEMBER = re.compile(
    r"\\{0,31}\"(?:d|p|q|dp|dq|qi|k)\\{0,31}\"\s{0,4}:\s{0,4}\\{0,31}\"(?P<secret>[A-Za-z0-9_-]{16,})"
)


def access_keys(text: str) -> Iterator[Span]:
    """Yield access key ids of AWS, and session tokens by their beginning."""
    for pattern in (_ACCESS_KEY, _SESSION_TOKEN):
        for match in pattern.finditer(text):
            yield match.span()


def bearers(text: str) -> Iterator[Span]:
    """Yield tokens behind the word ``bearer``, and JSON Web Tokens."""
    for match in _BEARER.finditer(text):
        yield match.span("secret")
    at = 0
    while begin := _JWT_BEGIN.search(text, at):
        part = _JWT_PART.match(text, begin.start())
        # Any other beginning within this part would end where it does.
        at = part.end() if part else begin.end()
        rest = _JWT_REST.match(text, at)
        if rest:
            at = rest.end()
            yield begin.start(), at


def vendor_tokens(text: str) -> Iterator[Span]:
    """Yield tokens that begin as their vendor's do."""
    for match in _VENDOR.finditer(text):
        yield match.span()


def private_keys(text: str, *, is_json: bool) -> Iterator[Span]:
    """Yield private keys: to their end, or where it is missing, as in a line that was cut off, all that follows."""
    at = 0
    while begin := _KEY_BEGIN.search(text, at):
        limit = text.find('"', begin.end()) if is_json else -1
        limit = len(text) if limit < 0 else limit
        is_putty = begin.group()[0] in "Pp"
        end = (_PUTTY_END if is_putty else _KEY_END).search(text, begin.end(), limit)
        at = limit if end is None else end.start() if is_putty else end.end()
        yield begin.end() if is_putty else begin.start(), at
    for match in _ENCODED_KEY.finditer(text):
        yield match.span()
    if '"kty' in text:
        for match in _JWK_MEMBER.finditer(text):
            yield match.span("secret")
