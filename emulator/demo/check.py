"""Compare the lines that the functions wrote with the lines that arrived, one by one.

Pure. "Kept whole" means: the sink has every line of the function once, byte for byte, in the order in which the emulator
read them. Every record must also carry the planned weight and, where no failure decided, the planned reason.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from emulator.demo.plan import Planned
from emulator.demo.receiver import Record

SHOWN_CHARS = 80  # of a line in a complaint


class Row(NamedTuple):
    """One invocation, as it was planned, as it went and as it arrived.

    Attributes:
        function: The function's name.
        planned: The plan for this invocation.
        request_id: Lambda's request id.
        outcome: How it ended: success, error, crash, out of memory or timeout.
        written: The function's lines, as the emulator read them.
        delivered: The records of this invocation that arrived at the sink.
        cloudwatch_bytes: The bytes that CloudWatch would store: lines, START, END, REPORT, 26 for each event.
        held_ms: How long it waited for the extension after the function was done; None where it did not.
    """

    function: str
    planned: Planned
    request_id: str
    outcome: str
    written: tuple[str, ...]
    delivered: tuple[Record, ...]
    cloudwatch_bytes: int
    held_ms: float | None

    @property
    def name(self) -> str:
        """The invocation's name for people, ``orders #5``."""
        return f"{self.function} #{self.planned.number}"

    @property
    def kept(self) -> tuple[object, ...]:
        """The function's lines that arrived at the sink."""
        return tuple(r.fields.get("record") for r in self.delivered if r.is_line)

    @property
    def why(self) -> str:
        """The reason that the records carry; without records, why there are none."""
        if not self.delivered:
            return "nothing arrived" if self.planned.kept else "not sampled"
        fields = self.delivered[0].fields
        reason, weight = str(fields.get("reason", "no reason given")), fields.get("weight")
        if weight == 1:
            return reason
        # 1/rate in floating point is now and then a hair off.
        number = f"{weight:.4g}" if isinstance(weight, (int, float)) else str(weight)
        return f"{reason}, for {number}"


def faults_of(row: Row) -> list[str]:
    """Return the faults of one invocation, a sentence each; none if it agrees with its plan."""
    found = []
    case = row.planned.case
    if row.outcome != case.outcome:
        found.append(f"{row.name} {case.text}: expected {case.outcome}, it ended as {row.outcome}.")
    if not row.written:
        found.append(f"{row.name} wrote no line, so nothing could be checked.")
    if not row.planned.kept and row.delivered:
        found.append(
            f"{row.name} is healthy, no rule keeps it and it was not sampled, yet {len(row.delivered)} records of it "
            f"were kept: {row.why}."
        )
    if row.planned.kept and row.kept != row.written:
        found.append(f"{row.name} {case.text}: {_difference(row.written, row.kept)}")
    return [*found, *_wrong_labels(row)]


def _wrong_labels(row: Row) -> Iterator[str]:
    """Find the first record whose reason or weight is not the planned one; a failure may have any reason."""
    planned = row.planned
    reasons = {"by rule": planned.case.rule, "sampled": "sampled"}
    for record in row.delivered if planned.kept else ():
        reason, weight = (record.fields.get(name) for name in ("reason", "weight"))
        wanted = reasons.get(planned.fate, reason)
        weighs = isinstance(weight, (int, float)) and math.isclose(weight, planned.weight)
        if reason != wanted or not weighs:
            yield (
                f"{row.name} {planned.case.text}: a record says {reason}, for {weight}; it must say {wanted}, "
                f"for {planned.weight:.4g}."
            )
            return


def _difference(written: Sequence[str], kept: Sequence[object]) -> str:
    head = f"{len(written)} lines written, {len(kept)} kept; "
    for number, (was, arrived) in enumerate(zip(written, kept, strict=False), 1):
        if was != arrived:
            return f"{head}line {number} was {_shown(was)} and arrived as {_shown(arrived)}."
    if len(kept) < len(written):
        return f"{head}the first missing line: {_shown(written[len(kept)])}."
    return f"{head}the first extra line: {_shown(kept[len(written)])}."


def _shown(line: object) -> str:
    text = repr(line)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}..."


def account_total(accounts: Iterable[dict[str, object]], name: str) -> int:
    """Add up one counter of the extension's accounts; some of them count by reason."""
    total = 0
    for account in accounts:
        value = account.get(name)
        counters = list(value.values()) if isinstance(value, dict) else [value]
        total += sum(counter for counter in counters if isinstance(counter, int))
    return total


def _account_faults(rows: Sequence[Row], accounts: Sequence[dict[str, object]]) -> list[str]:
    seen = {
        "received_lines": sum(len(row.written) for row in rows),
        "kept_lines": sum(len(row.kept) for row in rows),
        "handed_to_stdout_lines": 0,
        "evicted_lines": 0,
        "lost_lines": 0,
    }
    told = {name: account_total(accounts, name) for name in seen}
    return [
        f"The extension's account says {name} {told[name]}, but {seen[name]} were seen."
        for name in seen
        if told[name] != seen[name]
    ]


def faults(
    rows: Sequence[Row],
    records: Iterable[Record],
    *,
    refused: Iterable[str] = (),
    accounts: Sequence[dict[str, object]] = (),
) -> list[str]:
    """Return all faults: of each invocation, of the delivery as a whole, and of the account.

    Args:
        rows: The invocations.
        records: All records that arrived at the sink.
        refused: Descriptions of the bodies that the sink could not read.
        accounts: The account that each extension process wrote at its SHUTDOWN.
    """
    found = [fault for row in rows for fault in faults_of(row)]
    known = {row.request_id for row in rows}
    ids: Counter[str] = Counter()
    for record in records:
        ids[str(record.fields.get("id"))] += 1
        if record.request_id not in known:
            found.append(
                f"The sink got a record of an unknown invocation: {_shown(record.fields)}."
            )
    found += [
        f"The record with the id {name} came {count} times."
        for name, count in ids.items()
        if count > 1
    ]
    found += [f"The sink could not read {what}." for what in refused]
    return found + _account_faults(rows, accounts)
