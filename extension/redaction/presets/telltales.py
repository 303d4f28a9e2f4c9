r"""Tell quickly which presets may find a secret in undecoded bytes.

``re`` passes quickly over characters that begin no alternative of a pattern, if all alternatives begin with a character.
So telltales begin at a rare character, if they can, and look back from there: ``_(?<=ghp_)``. A telltale holds no character that JSON must escape; :mod:`extension.redaction.prefilter` sees escapes that it
need not. Pure.
"""

import re
from collections.abc import Iterator

_AWS, _BEARERS, _CARDS = "aws-keys", "bearer-tokens", "card-numbers"
_EMAILS, _PASSWORDS, _KEYS, _VENDORS = "emails", "passwords", "private-keys", "vendor-tokens"

_Told = tuple[str, ...]

_AS_WRITTEN: tuple[tuple[_Told, tuple[bytes, ...]], ...] = (
    ((_EMAILS, _PASSWORDS), (rb"@", rb"%(?=(?:25)?40)")),
    (
        (_AWS,),
        (
            *(rb"K(?<=AK)(?=IA)", rb"S(?<=AS)(?=IA)", rb"B(?<=AB)(?=IA)", rb"C(?<=AC)(?=CA)"),
            *(rb"J(?<=IQoJ)(?=b3Jp)", rb"Z(?<=oGZ)(?=XIvYXdz)", rb"Y(?<=QoDY)(?=Xdz)"),
        ),
    ),
    (
        (_BEARERS,),
        (rb"J(?<=eyJ)(?=[\w-]{6})", rb"w(?<=ew)(?=[oAkgN][\w-]{6})", rb"A(?<=eyA)(?=[ig][\w-]{6})"),
    ),
    ((_KEYS,), (rb"V(?<=PRIV)(?=ATE)", rb"J(?<=CRUdJ)(?=Ti)")),
    ((_PASSWORDS,), (rb"-(?<=[\s\"',]-)(?=[puaPUw]|-(?:user|proxy-u|auth|oauth|pass))",)),
    (
        (_VENDORS,),
        (
            (
                rb"_(?:(?<=gh[pousr]_)|(?<=[srp]k_)(?=live|test|prod)|(?<=github_)(?=pat)|(?<=whsec_)|(?<=npm_)|(?<=rubygems_)"
                rb"|(?<=dckr_)|(?<=gsk_)|(?<=xai_)|(?<=plx_)|(?<=r8_)|(?<=hf_)|(?<=tgp_)|(?<=jina_)|(?<=fw_)|(?<=do[opr]_)(?=v1)"
                rb"|(?<=api_)(?=org)|(?<=shp[acst][aksut]_)|(?<=shptka_)|(?<=glc_)|(?<=glsa_)|(?<=lin_)(?=api|oauth)|(?<=figd_)"
                rb"|(?<=sntry[su]_)|(?<=sb[pa]_)|(?<=ntn_)|(?<=secret_)|(?<=fm[12]_)|(?<=ops_)(?=eyJ))"
            ),
            (
                rb"-(?:(?<=[a-z]-)(?:(?<=xox[a-z]-)|(?<=xapp-)|(?<=xwfp-)|(?<=pypi-)(?=AgE)|(?<=key-)(?=[0-9a-f]{8})|(?<=eysib-)"
                rb"|(?<=sk-)|(?<=sess-)|(?<=pul-)(?=[0-9a-f]{8})|(?<=gsk-)|(?<=xai-)|(?<=plx-)|(?<=hf-)|(?<=sq0[a-z]{3}-)|(?<=fw-)"
                rb"|(?<=jina-)|(?<=gl[a-z]{2}-)|(?<=gl[a-z]{3}-)|(?<=gl[a-z]{4}-)|(?<=glagent-))|(?<=[A-Z]-)(?:(?<=GOCSPX-)"
                rb"|(?<=NR[AJI][KSI]-)|(?<=PMA[KT]-)|(?<=CFPAT-)|(?<=HRKU-)|(?<=E-KEY-))|(?<=r8-)|(?<=[0-9a-f]{32}-))"
            ),
            rb"G(?:(?=R1348941)|(?<=SG)(?=\.))",
            rb"K(?<=SK)(?=[0-9a-f]{8})",
            rb"k(?:(?<=sk)(?=[0-9a-f]{8})|(?<=hook)(?=s\.slack)|(?<=/webhook)(?=s/|b2/))",
            rb"z(?<=AIz)(?=a)",
            rb"y(?:(?=a29\.)|(?<=oy)(?=2[a-z0-9]{8}))",
            rb"A(?:(?=TATT3|TBB)|(?<=:A)(?=A[\w-]{8})|(?<=EA)(?=A[A-Za-z]))",
            rb"Q(?:(?<=[78]Q)(?=~)|(?<=JQ)(?=QJ99))",
            rb"S(?<=\+AS)(?=t)",
            rb"v(?:(?<=hv)(?=[sbr]\.)|(?<=atlasv)(?=1\.))",
            rb"p(?:(?<=dap)(?=i[0-9a-f]{8})|(?<=dp)(?=\.[a-z]{2}))",
            *(rb"N(?=[A-Za-z0-9]{23})", rb"M(?=[A-Za-z0-9]{23})", rb"O(?=[A-Za-z0-9]{23})"),
            rb"/(?<=1/)(?=/0)",
        ),
    ),
)
"""What tells of presets, in bytes as they are written. Each begins with a character, in which no other one begins."""

_CODE = rb"c(?<![a-z].)(?=ode[\"'\\]{0,9}\s?[:=%])"

_ANY_CASE: tuple[tuple[_Told, tuple[bytes, ...]], ...] = (
    ((_AWS, _PASSWORDS), (rb"k(?<=tok)(?=en)", rb"s(?=ecret|ig(?:nature|(?![a-z])))")),
    (
        (_PASSWORDS,),
        (
            rb"k(?:(?=ennwort)|(?=ey)(?:(?<=[_ -]k)|(?<=[a-z]{3}k)))",
            rb"w(?:(?<=pw)(?=d)|(?=achtwoord))",
            *(
                rb"v(?<=cv)(?=[vc])",
                rb"f(?<=identif)(?=ied)",
                rb"b(?=asicauth)",
                rb"u(?<=au)(?=th(?![a-z]))",
            ),
            *(
                rb"p(?:(?=ass(?![ei])|in(?![a-z]))|(?<=otp)(?![a-z]))",
                rb"c(?=redential|ontrase)",
                rb"s(?=enha)",
            ),
        ),
    ),
    ((_BEARERS,), (rb"z(?<=authoriz)(?=ation)", rb"k(?<=cook)(?=ie)", rb"b(?=earer)", _CODE)),
    ((_KEYS,), (rb"v(?<=priv)(?=ate-lines)", rb"k(?=ty)")),
)
"""The same for bytes in lower case."""

_DIGITS = bytes(b"0"[0] if code in b"0123456789" else b"x"[0] for code in range(256))
"""Table that makes every digit a 0, and everything else a letter."""
_FIRST_DIGITS = bytes(
    b"1"[0] if code in b"017" else digit for code, digit in zip(range(256), _DIGITS, strict=True)
)
"""The same, with a 1 for digits with which no card number begins, as those of times in milliseconds."""
_BETWEEN_DIGITS = b" -._+%D\\ntr" + bytes(range(128, 256))
_ESCAPED_BLANK = re.compile(rb"\\u(?:00[aA]0|20[012]|2212)")
_CARD_DIGITS = b"0" * 13
_FIRST_AND_MORE = re.compile(rb"0[01]{12}")
_CARD = re.compile(
    rb"[2-689](?:(?<![0-9A-Za-z].)|(?<=\\[bfnrt].)|(?<=\\u[0-9a-fA-F]{4}.)|(?<=%[0-9a-fA-F]{2}.))"
    rb"(?:(?:[ ._+\x80-\xff-]|%20|%2[Dd]|\\{1,31}[nt]){0,9}[0-9]){12}"
)
"""Digits of a card; no letter stands before the first one, unless it belongs to an escape."""


_UUID = re.compile(rb"-(?<=[0-9A-Fa-f]{8}-)(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
"""A UUID (RFC 9562) behind its first part. Some have hardly a letter, and a line is often full of them."""


class _Rare:
    """Pattern of the telltales that begin at rare characters."""

    def __init__(
        self, telltales: tuple[tuple[_Told, tuple[bytes, ...]], ...], presets: frozenset[str]
    ) -> None:
        self._told = [frozenset[str]()]
        rests: dict[bytes, list[bytes]] = {}
        for told, alternatives in telltales:
            if presets.intersection(told):
                for alternative in alternatives:
                    # An empty group behind each of them says which one has matched.
                    self._told.append(presets.intersection(told))
                    number = len(self._told) - 1
                    rests.setdefault(alternative[:1], []).append(
                        b"(?:%b)(?P<n%d>)" % (alternative[1:], number)
                    )
        pattern = b"|".join(
            re.escape(first) + b"(?:%b)" % b"|".join(rest) for first, rest in rests.items()
        )
        compiled = re.compile(pattern or b"(?!)")
        self._search = compiled.finditer
        self._of_group = [
            frozenset[str](),
            *(
                self._told[int(name[1:])]
                for name, _ in sorted(compiled.groupindex.items(), key=_second)
            ),
        ]

    def places_in(self, raw: bytes) -> Iterator[int]:
        return (match.start() for match in self._search(raw))

    def told_in(self, raw: bytes, found: set[str]) -> None:
        for match in self._search(raw):
            found |= self._of_group[match.lastindex or 0]


def _may_hold_card(raw: bytes) -> bool:
    if b"&nbsp;" in raw or (b"\\u" in raw and _ESCAPED_BLANK.search(raw)):
        return True
    digits = raw.translate(_DIGITS, _BETWEEN_DIGITS)
    if _CARD_DIGITS not in digits:
        return False
    raw = _UUID.sub(b"-x", raw)
    digits = raw.translate(_FIRST_DIGITS, _BETWEEN_DIGITS)
    return _FIRST_AND_MORE.search(digits) is not None and _CARD.search(raw) is not None


def _second(item: tuple[str, int]) -> int:
    return item[1]


class Telltales:
    """What tells that a line may hold a secret of some presets."""

    def __init__(self, presets: frozenset[str]) -> None:
        self._as_written = _Rare(_AS_WRITTEN, presets)
        self._any_case = _Rare(_ANY_CASE, presets)
        self._finds_cards = _CARDS in presets

    def presets_in(self, raw: bytes) -> frozenset[str]:
        """Return the presets that may find a secret in a line."""
        found: set[str] = set()
        self._as_written.told_in(raw, found)
        self._any_case.told_in(raw.lower(), found)
        if self.may_hold_card(raw):
            found.add(_CARDS)
        return frozenset(found)

    def places_in(self, raw: bytes) -> Iterator[int]:
        """Yield where telltales of presets stand, but for those of cards."""
        yield from self._as_written.places_in(raw)
        yield from self._any_case.places_in(raw.lower())

    def may_hold_card(self, raw: bytes) -> bool:
        """Tell whether there may be the number of a card, and whether that is looked for."""
        return self._finds_cards and _may_hold_card(raw)
