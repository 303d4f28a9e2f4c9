"""Provide a function, a layer with the probe extension, and a reader of the probe's account."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.cloud import LocalLambda

Start = Callable[..., LocalLambda]
"""The fixture ``start`` of tests/emulator: keywords of ``Function`` and ``LocalLambda``."""

PROBE = Path(__file__).with_name("probe_extension.py")
PYTHON = Path(sys.base_prefix) / "bin" / "python3"

APP = """
import json, logging, os, sys, time

logging.getLogger().setLevel(logging.INFO)

def handler(event, context):
    what = event.get("do") if isinstance(event, dict) else None
    sys.stdout.write("plain line\\n")  # in one piece: several processes may share the pipe
    logging.getLogger().info("logged line")
    if what == "raise":
        raise ValueError("told to")
    if what == "exit":
        sys.exit(3)
    if what == "kill":
        os.kill(os.getpid(), 9)
    if what == "sleep":
        time.sleep(event["s"])
    if what == "meet":
        open(os.path.join(event["at"], str(event["i"])), "w").close()
        while len(os.listdir(event["at"])) < event["n"]:
            time.sleep(0.01)
    if what == "eat":
        kept = []
        while True:
            kept.append(bytearray(4_000_000))
    if what == "say":
        for line in event["lines"]:
            print(line)
    if what == "raw":
        os.write(1, bytes.fromhex(event["hex"]))
    if what == "log":
        logging.getLogger().info(event["text"])
    if what == "many":
        for i in range(event["n"]):
            print("x" * event["size"])
    if what == "environment":
        return dict(os.environ)
    if what == "big":
        return "x" * event["n"]
    return event
"""


def make_function(folder: Path, text: str = APP) -> Path:
    """Write a Python function; return its directory."""
    code = folder / "code"
    code.mkdir(exist_ok=True)
    (code / "app.py").write_text(text)
    return code


def make_layer(folder: Path, *names: str, settings: dict[str, str] | None = None) -> Path:
    """Write a layer with one probe for each name; return its directory.

    Settings go into the launcher, so that a function's variables are not needed to carry them.
    """
    layer = folder / "layer"
    (layer / "extensions").mkdir(parents=True, exist_ok=True)
    for name in names or ("probe",):
        exports = {"PROBE_NAME": name, "PROBE_OUT": str(folder / "seen"), **(settings or {})}
        lines = [f"export {k}='{v}'" for k, v in exports.items()]
        launcher = layer / "extensions" / name
        command = f'exec {PYTHON} -ISB {PROBE} "$@"'
        launcher.write_text("\n".join(["#!/bin/sh", *lines, command, ""]))
        launcher.chmod(0o755)
    return layer


def records(events: list[dict[str, Any]], kind: str) -> list[Any]:
    """Return the records of the events of one type."""
    return [event["record"] for event in events if event["type"] == kind]


@dataclass
class Seen:
    """The account that one probe writes to a file."""

    path: Path
    name: str = "probe"

    def read(self) -> list[dict[str, Any]]:
        """Read the account so far."""
        file = Path(f"{self.path}.{self.name}")
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_text().splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the entries of one kind."""
        return [entry for entry in self.read() if entry["kind"] == kind]

    def invoked(self) -> list[dict[str, Any]]:
        """Return the events got from Next."""
        return [json.loads(entry["body"]) for entry in self.of("event")]

    def batches(self) -> list[Any]:
        """Return the bodies of the batches, decoded where they are JSON, else as text."""
        found: list[Any] = []
        for entry in self.of("batch"):
            try:
                found.append(json.loads(entry["body"]))
            except ValueError:  # noqa: PERF203 - each body is judged by itself
                found.append(entry["body"])
        return found

    def events(self) -> list[dict[str, Any]]:
        """Return all telemetry events, batch after batch."""
        return [
            e
            for batch in self.batches()
            if isinstance(batch, list)
            for e in batch
            if isinstance(e, dict)
        ]

    def records(self, kind: str) -> list[Any]:
        """Return the records of the events of one type."""
        return records(self.events(), kind)

    def types(self) -> list[str]:
        """Return the types of all telemetry events."""
        return [str(event.get("type")) for event in self.events()]


def seen(folder: Path, name: str = "probe") -> Seen:
    """Return the account of a probe made by ``make_layer``."""
    return Seen(folder / "seen", name)
