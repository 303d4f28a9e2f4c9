"""Name a failure by what stays the same whenever it happens again.

Pure. Two invocations that failed in the same way have one fingerprint, whatever their order numbers, ids and line numbers are.
"""

import importlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash as Hash

OWN_FRAMES = 3
"""The innermost frames of the function's own. Fewer would take two callers of one helper for the same failure. More would
tell apart each way to the same place."""

DIGITS = 16
"""Of a SHA-256: 64 bits, so two of a million failures hardly ever have one name."""

_FOREIGN = re.compile(
    r"node_modules/|site-packages/|dist-packages/|/vendor/|/gems/|/var/runtime/|/var/lang/|/opt/|/usr/"
    r"|(?:^|[ (])(?:node:|internal/|runtime/|reflect/|runtime\.|reflect\.|<anonymous>|<frozen )"
    r"|^(?:async )?process\.|\(native\)|aws_lambda_ric|awslambdaric|aws-lambda-go"
    r"|(?:^|/)(?:java|javax|jdk|sun|kotlin|kotlinx|scala|org\.springframework|com\.amazonaws\.services\.lambda\.runtime"
    r"|lambdainternal|io\.quarkus|System|Microsoft|Amazon\.Lambda)\.|^lambda_method|^lambdainternal/|^Bref\\|: Bref\\|^\{main\}$"
)
"""Frames of runtimes, of their clients and of libraries."""

_GENERATED = re.compile(r"0x[0-9a-fA-F]+|(?<=[$/])\d+|(?<=lambda_method)\d+")
"""In the names of functions that compilers make."""

_QUOTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`")
_WORD = re.compile(r"[\w-]+")
_DIGIT = re.compile(r"\d")


def fingerprint_of(reason: str, *, error_type: str, frames: tuple[str, ...], message: str) -> str:
    """Return 16 hex digits for a failure. The message counts where no frame is the function's own.

    Args:
        reason: the rule by which the invocation failed.
        error_type: the error's class; may be empty.
        frames: of the stack, the innermost first, without line numbers.
        message: what went wrong.
    """
    own = [frame for frame in frames if not _FOREIGN.search(frame)]
    where = [_GENERATED.sub("#", frame) for frame in (own or frames)[:OWN_FRAMES]]
    if not own:
        where.append(without_ids(message))
    told = "\n".join([reason, error_type, *where])
    return _sha256()(told.encode("utf-8", "replace")).hexdigest()[:DIGITS]


def _sha256() -> "Callable[[bytes], Hash]":
    """Load Python's own SHA-256: hashlib would load OpenSSL first, for 4 ms and a megabyte."""
    for name in ("_sha2", "_sha256"):  # since Python 3.12, and before
        try:
            own: Callable[[bytes], Hash] = importlib.import_module(name).sha256
        except ImportError:
            continue
        return own
    return importlib.import_module("hashlib").sha256  # type: ignore[no-any-return]


def without_ids(text: str) -> str:
    """Put a mark in the place of quoted text, and of each word with a digit: numbers, ids, hashes, times."""
    return _WORD.sub(_marked, _QUOTED.sub("#", text))


def _marked(word: re.Match[str]) -> str:
    return "#" if _DIGIT.search(word[0]) else word[0]
