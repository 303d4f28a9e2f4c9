"""Write certificate authorities as a folder in which OpenSSL finds one by its name.

A file is named by the hash of its authority's name, `<8 hexadecimal digits>.<number>`, so a process reads the one that it
needs instead of all (OpenSSL: SSL_CTX_load_verify_dir, X509_NAME_hash). The hash is worked out here, so that no `openssl` is
needed for a build.
"""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

FOLDER = "authorities"
"""Beside the layer's dependencies. The extension looks for it by this name."""

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n(.+?)-----END CERTIFICATE-----\n", re.DOTALL)

_SEQUENCE, _SET, _UTF8, _VERSION = 0x30, 0x31, 0x0C, 0xA0
_ENCODINGS = {
    _UTF8: "utf-8",
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # T61String
    0x16: "ascii",  # IA5String
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
"""By the tag of a string in a name (ITU-T X.690): OpenSSL compares these as text."""


def write_authorities(bundle: Path, folder: Path) -> int:
    """Write each certificate of a file to a file of its own; return how many there are."""
    folder.mkdir()
    seen: Counter[str] = Counter()
    for match in _PEM.finditer(bundle.read_text(encoding="utf-8")):
        name = name_hash(base64.b64decode(match[1]))
        (folder / f"{name}.{seen[name]}").write_text(match[0], encoding="ascii")
        seen[name] += 1
    return seen.total()


def name_hash(certificate: bytes) -> str:
    """Return the hash of a certificate's subject, as `openssl x509 -subject_hash` prints it."""
    [(_, signed)] = _values(certificate)
    parts = list(_values(next(_values(signed))[1]))
    # The version may be left out. Behind it: serial number, algorithm, issuer, validity, subject (RFC 5280, 4.1).
    _, subject = parts[5 if parts[0][0] == _VERSION else 4]
    canonical = b"".join(
        _value(_SET, b"".join(_canonical(attribute) for _, attribute in _values(names)))
        for _, names in _values(subject)
    )
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def _canonical(attribute: bytes) -> bytes:
    """Write one attribute of a name without case and needless blanks."""
    (kind, name), (tag, text) = _values(attribute)
    if tag in _ENCODINGS:
        words = re.sub(r"[ \t\n\v\f\r]+", " ", text.decode(_ENCODINGS[tag])).strip(" ")
        lower = "".join(one.lower() if one.isascii() else one for one in words)
        tag, text = _UTF8, lower.encode()
    return _value(_SEQUENCE, _value(kind, name) + _value(tag, text))


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the values that follow each other in DER: the tag and the contents."""
    at = 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(data[at : at + count], "big"), at + count
        yield tag, data[at : at + size]
        at += size


def _value(tag: int, contents: bytes) -> bytes:
    size = len(contents)
    if size < 0x80:  # noqa: PLR2004 - DER's own bound of the short form
        return bytes((tag, size)) + contents
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + contents
