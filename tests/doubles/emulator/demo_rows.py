"""Make the demo's rows and records, as they should be unless told otherwise."""

import json
from collections.abc import Iterable
from typing import Any

from emulator.demo.check import Row
from emulator.demo.plan import CASES, Planned
from emulator.demo.receiver import Record

SAMPLED = "1-6744a800-0123456789ffffffffffffff"


UNSAMPLED = "1-6744a800-012345678900000000000000"


def make_record(text: str, number: int, **more: Any) -> Record:
    fields = {"type": "function", "record": text, "requestId": "r-1", "id": f"e-{number}", **more}
    return Record(fields, len(json.dumps(fields)))


def make_row(
    *,
    mishap: str = "hang",
    trace_id: str = UNSAMPLED,
    outcome: str | None = None,
    written: Iterable[str] = ("a\n", "b\n"),
    kept: Iterable[str] = ("a\n", "b\n"),
    reason: str | None = None,
    weight: float | None = None,
) -> Row:
    planned = Planned(5, mishap, trace_id)
    told = planned.case.rule or ("timeout" if planned.fate == "failed" else "sampled")
    return Row(
        function="orders",
        planned=planned,
        request_id="r-1",
        outcome=outcome or CASES[mishap].outcome,
        written=tuple(written),
        delivered=tuple(
            make_record(text, number, reason=reason or told, weight=weight or planned.weight)
            for number, text in enumerate(kept)
        ),
        cloudwatch_bytes=200,
        held_ms=None,
    )
