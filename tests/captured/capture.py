r"""Write down what the real runtime clients write: `python -m tests.captured.capture [NAME...] [--node PATH]`.

Each line of `NAME.ndjson` is one record of a function, as Lambda's API delivers it:

    {"runtime": "go", "client": "aws-lambda-go 1.55.1", "language": "go1.26.8", "logger": "log, log/slog",
     "format": "text", "api": "logs", "case": "error", "channel": "stderr",
     "expect": {"failed": true, "reason": "go-exception"}, "record": "2026/11/29 03:02:12 {\"errorMessage\":…}\n"}

- `api`: `logs` for the record of the Logs API. With the JSON format, the Telemetry API delivers another one (`telemetry`).
- `channel`: `frame`, `stdout` or `stderr`.
- `expect.failed`: whether this record makes the invocation a failed one. It is null where either answer does no harm: another
  record of the same invocation tells, or the process ended.
- `expect.reason`: why; null with `failed` where the record does not say who wrote it, the function or its client.
- `expect.level`: the level that a reader would give it. It is absent where no level is asked for.

`record` comes last, in the very bytes of the API. The request ids are made up and the same each time. A record that differs
from one before it in numbers alone is left out.

The command does not write `ruby.ndjson`, `php.ndjson`, `bun.ndjson` and `quarkus.ndjson`. No registry that the tests use has the
first three clients, and Quarkus takes minutes to fetch. They were captured in the same way, in November 2026, by a function as in
`functions/` in each language. The clients were aws_lambda_ric at 70a2045, bref at 147f3755, Bun's `packages/bun-lambda` in a
copy of April 2024, and the poll loop that a native Quarkus runs, on a JVM and with the default format of its console.
"""

from __future__ import annotations

import argparse
import json
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.cloud import LocalLambda
from emulator.machine.programs import build
from emulator.machine.runtimes import find_node, java_client, node_client
from emulator.model.events import Flavour
from tests.captured.programs import FUNCTIONS, PROGRAMS, Program, client_of, language_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.machine.frames import Line
    from emulator.model.events import Event
    from tests.captured.programs import Case, LogFormat

FOLDER = Path(__file__).parent

DIGITS = re.compile("[0-9a-f]*[0-9][0-9a-f]*")
"""A number, or a part of an id."""

FAILED_LEVELS = {"ERROR", "FATAL"}


def records_of(
    program: Program, log_format: LogFormat, node: Path | None
) -> Iterator[tuple[Case, Line, Event]]:
    """Run the cases, and yield every line with its event."""
    with LocalLambda(program.function(log_format), node=node) as cloud:
        seen = 0
        for number, case in enumerate(program.cases):
            request_id = str(uuid.UUID(int=number + 1, version=4))
            cloud.invoke({"kind": case.kind}, request_id=request_id)
            telemetry = cloud.running_lifecycle.setting.telemetry
            events = [event for event in telemetry.all_events if event.kind == "function"]
            written = cloud.written
            assert len(events) == len(written)
            for line, event in zip(written[seen:], events[seen:], strict=True):
                yield case, line, event
            seen = len(written)


def expectation(
    program: Program, case: Case, log_format: LogFormat, text: str, *, wrapped: bool
) -> dict[str, Any]:
    """Return what is to be made of a record; ``wrapped`` if Lambda put it into an object of its own."""
    marks = [mark for mark in program.levels if mark in text]
    told = bool(case.telling and case.telling in text)
    expect: dict[str, Any] = {"failed": False, "reason": None}
    if told:
        reasons = sorted(case.reasons(log_format) - {"crash"})  # No line tells a crash.
        expect = {"failed": True, "reason": reasons[0] if len(reasons) == 1 else None}
    elif case.reason is not None and not marks:
        expect["failed"] = None
    if marks and not (told and case.reason and case.reason.endswith("-exception")):
        expect["level"] = program.levels[marks[0]] or ("INFO" if wrapped else None)
    assert told or expect.get("level") not in FAILED_LEVELS, text
    return expect


def rows(program: Program, log_format: LogFormat, node: Path | None) -> Iterator[str]:
    """Yield the lines of the file."""
    about = {
        "runtime": program.name,
        "client": client_of(program.name, node),
        "language": language_of(program.name, node),
        "logger": program.logger,
        "format": log_format.lower(),
    }
    known = set()
    for case, line, event in records_of(program, log_format, node):
        apis = [("logs", Flavour.LOGS_2021)]
        if log_format == "JSON":
            apis.append(("telemetry", Flavour.TELEMETRY_OBJECTS))
        for api, flavour in apis:
            wrapped = api == "telemetry" and event.raw_object != line.text.strip()
            expect = expectation(program, case, log_format, line.text, wrapped=wrapped)
            kind = (api, expect["failed"] is True, DIGITS.sub("", line.text))
            if kind in known:
                continue
            known.add(kind)
            told = {"api": api, "case": case.kind, "channel": line.channel, "expect": expect}
            record = event.encoded(flavour).decode().partition(',"record":')[2].removesuffix("}")
            record = record.replace(
                "\n", " "
            )  # Between the members of an object, as Ruby's client writes it.
            yield f'{json.dumps({**about, **told})[:-1]}, "record": {record}}}\n'


def prepare(name: str, node: Path | None) -> None:
    """Build what is to be run."""
    if name in {"go", "rust", "java"}:
        build(FUNCTIONS / name)
    if name == "java":
        java_client()
    if name == "nodejs":
        node_client(find_node(node))


def capture(name: str, node: Path | None) -> Path:
    """Run a runtime's programs, and write its file; Node.js has one for each major version."""
    prepare(name, node)
    version = language_of(name, node).split()[-1].split(".")[0] if name == "nodejs" else ""
    target = FOLDER / f"{name}{version}.ndjson"
    lines = [
        line
        for program in PROGRAMS[name]
        for log_format in program.formats
        for line in rows(program, log_format, node)
    ]
    target.write_text("".join(lines), encoding="utf-8")
    return target


def main() -> None:
    """Capture the runtimes that the arguments name, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.captured.capture")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PROGRAMS)}")
    parser.add_argument("--node", type=Path, help="another Node.js than that on PATH")
    given = parser.parse_args()
    for name in given.names or PROGRAMS:
        print(capture(name, given.node).relative_to(FOLDER.parents[1]))


if __name__ == "__main__":
    main()
