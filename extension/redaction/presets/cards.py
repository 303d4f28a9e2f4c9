r"""Find numbers of payment cards by their networks, lengths, groups and check digits (ISO/IEC 7812-1). Pure."""

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from extension.redaction.presets.values import Span

MIN_DIGITS, MAX_DIGITS = 13, 19
"""Digits of a card number."""

_DASHES = "\u2010-\u2015\u2212\u00ad"
_BLANKS = "\u00a0\u2000-\u200a\u202f\u3000"
_BETWEEN = rf"(?:[ ._+{_BLANKS}{_DASHES}\n\t-]|%20|%2[Dd]|\\{{1,31}}(?:[nt]|u00a0|u20[012][0-9a-f]|u2212)|&nbsp;|\\xa0){{0,3}}"
_RUN = re.compile(rf"(?<![0-9])[0-9](?:{_BETWEEN}[0-9]){{12,}}")
_GROUP = re.compile(rf"(?P<between>{_BETWEEN})(?P<digits>[0-9]+)")
_ESCAPED = re.compile(r"(?:\\[nrtbf]|\\u[0-9a-fA-F]{4}|%[0-9A-Fa-f]{2}|\x1b\[..m)\Z")
_USUAL = frozenset({"", " ", "-"})
_FIRST_GROUP_DIGITS, _MIN_GROUP_DIGITS, _MAX_GROUP_DIGITS = 4, 3, 6
_IBAN_CHECK_DIGITS = 2

_NETWORKS = (
    ("4", {13, 16, 19}),
    ("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", {16}),
    ("3[47]|1800|2131", {15}),
    ("30[0-5]|3095|3[689]", {14, 16}),
    ("352[89]|35[3-8]", {16, 17, 18, 19}),
    ("6011|64[4-9]|65|62|81|220[0-4]", {16, 17, 18, 19}),
    ("5018|502|503|50[6-9]|5[68]|6304|67|6[03]|9792", {13, 14, 15, 16, 17, 18, 19}),
)
"""First digits of the networks, and the lengths of their numbers. IMEIs, IBANs and times have others."""
_NETWORK = tuple((re.compile(firsts), lengths) for firsts, lengths in _NETWORKS)

_DOUBLED_MOST = 9
_MIN_DIFFERENT = {14: 4}
"""Different digits of a number at least, by its length; a counter of fourteen digits begins as Diners Club's numbers do."""


class _Group(NamedTuple):
    """Digits without a separator between them: where they stand, and the index of the first digit among all."""

    start: int
    end: int
    first: int
    before: str


def card_numbers(text: str) -> Iterator[Span]:
    """Yield card numbers: whole groups of digits, with separators between."""
    for run in _RUN.finditer(text):
        yield from _numbers_in(text, *run.span())


def _numbers_in(text: str, begin: int, end: int) -> Iterator[Span]:
    groups: list[_Group] = []
    first = 0
    at = begin
    while at < end and (found := _GROUP.match(text, at)):
        start, at = found.span("digits")
        groups.append(_Group(start, at, first, found["between"]))
        first += at - start
    if _is_other_number(text, groups[0]):
        return
    digits = "".join(text[one.start : one.end] for one in groups)
    sums = _luhn_sums(digits)
    for number, group in enumerate(groups):
        if number == 0 and _is_glued(text, group.start):
            continue
        if group.before == "." or digits[group.first] not in "12345689":
            continue
        for last_number in range(number, min(number + MAX_DIGITS, len(groups))):
            length = (
                groups[last_number].first
                + groups[last_number].end
                - groups[last_number].start
                - group.first
            )
            if length > MAX_DIGITS:
                break
            if length < MIN_DIGITS or not _is_number(digits, sums, group.first, length):
                continue
            if _is_grouped(text, groups, number, last_number):
                yield group.start, groups[last_number].end
                break


def _luhn_sums(digits: str) -> tuple[list[int], list[int]]:
    """Return the Luhn sums up to each digit (ISO/IEC 7812-1, annex B), once with even digits doubled, once with odd ones."""
    values = list(map(int, digits))
    doubled = [2 * one - _DOUBLED_MOST * (2 * one > _DOUBLED_MOST) for one in values]
    even = list(accumulate((doubled if n % 2 == 0 else values)[n] for n in range(len(values))))
    odd = list(accumulate((doubled if n % 2 else values)[n] for n in range(len(values))))
    return even, odd


def _is_number(digits: str, sums: tuple[list[int], list[int]], first: int, length: int) -> bool:
    end = first + length
    parity = sums[end % 2]
    if (parity[end - 1] - (parity[first - 1] if first else 0)) % 10:
        return False
    number = digits[first:end]
    if len(set(number)) < _MIN_DIFFERENT.get(length, 2):
        return False
    return any(length in lengths and firsts.match(number) for firsts, lengths in _NETWORK)


def _is_grouped(text: str, groups: list[_Group], first: int, last: int) -> bool:
    """Tell whether the separators are those of a card number, and none that only other numbers have."""
    behind = text[groups[last].end : groups[last].end + 2]
    if behind[:1] == "." and behind[1:].isdigit():
        return False
    if behind[:1].isalpha():
        return False
    if first == last:
        return True
    if all(one.before in _USUAL for one in groups[first + 1 : last + 1]):
        return True
    lengths = [one.end - one.start for one in groups[first : last + 1]]
    return (
        lengths[0] == _FIRST_GROUP_DIGITS
        and min(lengths) >= _MIN_GROUP_DIGITS
        and max(lengths) <= _MAX_GROUP_DIGITS
    )


def _is_glued(text: str, start: int) -> bool:
    """Tell whether a letter or a decimal point stands before, which belongs to no escape."""
    before = text[start - 1 : start]
    if before == ".":
        return text[start - 2 : start - 1].isdigit()
    return before.isalpha() and not _ESCAPED.search(text, max(0, start - 6), start)


def _is_other_number(text: str, first: _Group) -> bool:
    """Tell whether the digits begin as those of a bank account (IBAN, ISO 13616) or a telephone do."""
    before = text[max(0, first.start - 3) : first.start]
    is_iban = (
        first.end - first.start == _IBAN_CHECK_DIGITS
        and before[-2:].isupper()
        and before[-2:].isalpha()
    )
    return is_iban or (before.endswith("+") and not before[-2:-1].isalnum())
