"""REDACT=all on many lines: no secret leaves, nothing else is masked, and JSON stays JSON.

``python -m tests.extension.redaction.presets.test_secret_lines`` prints a table by group, and the cases that are read wrongly.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from extension.redaction.patterns import read_patterns
from extension.redaction.redactor import Redactor
from tests.doubles.lambda_events import compact, line
from tests.extension.redaction.presets.secret_forms import Case, cases

pytestmark = pytest.mark.newest

DATA = Path(__file__).resolve().parents[3] / "data"
MASK = re.compile(r"\[REDACTED:[a-z-]+\]")


def cases_of(name: str) -> Iterator[Case]:
    """Yield the cases of a file of ``tests/data``."""
    for row in map(json.loads, (DATA / name).read_text(encoding="utf-8").splitlines()):
        yield Case(row["group"], row["record"], tuple(row["secrets"]), tuple(row["keep"]))


def faults_of(case: Case, redactor: Redactor) -> list[str]:
    event = compact(line(case.record))
    masked = redactor.redact(event)
    record = json.loads(masked)["record"]
    text = _text(record)
    faults = [f"shows {one}" for one in case.secrets if one in text]
    faults += [f"hides {one}" for one in case.keep if one not in text]
    if isinstance(case.record, str) and _is_json(case.record) and not _is_json(record):
        faults.append("is no JSON any more")
    if not _is_masked_from(masked.decode(), event.decode()):
        faults.append("differs outside of masks")
    return faults


def _text(record: Any) -> str:
    return record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _is_masked_from(masked: str, event: str) -> bool:
    """Tell whether every piece between masks stands in the event, in its order."""
    at = 0
    pieces = MASK.split(masked)
    for piece in pieces:
        # A number that is masked becomes a string.
        stays = piece.strip('"\\') if len(pieces) > 1 else piece
        found = event.find(stays, at)
        if found < 0:
            return False
        at = found + len(stays)
    return True


def right_by_group(told: Iterable[Case]) -> tuple[Counter[str], Counter[str], list[str]]:
    """Return the cases that are read rightly and all cases, by group, and what is wrong."""
    redactor = Redactor(read_patterns("all"))
    right, count, wrong = Counter[str](), Counter[str](), []
    for case in told:
        faults = faults_of(case, redactor)
        count[case.group] += 1
        right[case.group] += not faults
        wrong += [f"{case.group}: {case.record!r}: {', '.join(faults)}"] if faults else []
    return right, count, wrong


@pytest.mark.parametrize("name", ["secret-lines.ndjson", "secret-forms.ndjson"])
def test_redact_all_masks_the_secrets_of_a_file_and_nothing_else(name: str) -> None:
    """Lines as functions write them; each kind that is wrong is named."""
    right, count, wrong = right_by_group(cases_of(name))

    assert (right.total(), wrong) == (count.total(), [])


def test_redact_all_masks_each_kind_of_secret_in_each_form() -> None:
    """A language or a logger that writes a value in another way shows nothing of it."""
    right, count, wrong = right_by_group(cases())

    assert count.total() > 3_000
    assert (right.total(), wrong[:20]) == (count.total(), [])


FRAGMENTS = [
    *(
        "hunter2",
        "password",
        "token",
        " ",
        "\n",
        '"',
        "'",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ":",
        "=",
        ",",
        "&x=1",
        ";E=1",
        "ä",
        "😀",
    ),
    *(
        "\\u00e9",
        "\u2011",
        "\x1b[31m",
        "\x00",
        "4111111111111111",
        "4111 1111 1111 1111",
        "a@b.com",
        "%22",
        "%3D",
        "://u:",
    ),
    *(
        "ghp_p7CgQ0PBQFI14zGtSnovm14TUOizwd1iaeOV",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxNyJ9.Jhx2jI",
        "Authorization: Basic ",
    ),
    *(
        "-----BEGIN PRIVATE KEY-----",
        "Some(",
        "b'",
        "cookie: a=b; ",
        "curl -u ",
        '"name":"password",',
        "<password>",
    ),
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=9).map("".join)
NAMES = TEXTS | st.sampled_from(["password", "token", "name", "value", "Authorization", "cookie"])
SCALARS = TEXTS | st.integers(0, 10**17) | st.sampled_from([4111111111111111, None, True, 1.5])
RECORDS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES, inner, max_size=3)
        | inner.map(json.dumps)
        | inner.map(str)
    ),
    max_leaves=8,
)


@given(record=RECORDS, as_ascii=st.booleans())
@example(record="[4111111111111111]", as_ascii=True)
@example(
    record={"password": {"a": ['x"\\', 123456, {"b": "[17, 4111111111111111]"}]}}, as_ascii=True
)
def test_redact_all_reads_any_record(record: Any, as_ascii: bool) -> None:
    """No error of ours masks a whole line, JSON stays JSON, and every other byte stays."""
    event = json.dumps(line(record), separators=(",", ":"), ensure_ascii=as_ascii).encode()

    masked = Redactor(read_patterns("all")).redact(event)

    left = json.loads(masked)["record"]
    assert left != "[REDACTED]"
    assert _is_masked_from(masked.decode(), event.decode())
    if isinstance(record, str) and record.lstrip().startswith(("{", "[")):
        assert _is_json(left) is _is_json(record)


if __name__ == "__main__":
    for told in (cases_of("secret-lines.ndjson"), cases_of("secret-forms.ndjson"), cases()):
        right_ones, all_ones, faulty = right_by_group(told)
        for group_name, total in all_ones.items():
            print(f"{group_name:16} {right_ones[group_name]:6} of {total:6}")
        print(*faulty, sep="\n")
