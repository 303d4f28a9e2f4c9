"""Run the command line: ``python -m emulator run``, ``serve``, ``example`` and ``build``; installed, ``local-lambda run``."""

import argparse
import dataclasses
import json
import sys
import typing
from collections import Counter
from pathlib import Path
from typing import Any

from emulator.cloud import LocalLambda
from emulator.example import write_example
from emulator.machine.frames import Line
from emulator.machine.programs import build, place_of
from emulator.machine.runtimes import java_client
from emulator.model.errors import EmulatorError
from emulator.model.function import Function
from emulator.model.invocation import InvokeResult
from emulator.model.journal import Journal
from emulator.model.variations import GARBAGE_KINDS, Variations
from emulator.options import Options
from emulator.serve import serve

EPILOG = """
examples:
  %(prog)s example hello
  %(prog)s run --code hello/function --layer hello/layer --event 1 -n 5 --deliveries
  %(prog)s run --code . --layer ext/ --log-format JSON --vary duplicate_batches --vary report=at_once
  %(prog)s run --runtime provided.al2023 --code "$(%(prog)s build my_go_function)"
  %(prog)s serve --code my_function --handler app.handler --layer my-layer.zip --port 8080
  curl -d '{}' http://127.0.0.1:8080/2015-03-31/functions/function/invocations
"""


def program() -> str:
    """Return what the command line is called by: ``local-lambda`` where the package is installed."""
    name = Path(sys.argv[0]).name
    return name if name == "local-lambda" else "python -m emulator"


def parser() -> argparse.ArgumentParser:
    """Return the parser; its help is the reference of the command line."""
    main = argparse.ArgumentParser(
        prog=program(),
        description="A local Lambda that delivers logs and platform events to extensions.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = main.add_subparsers(dest="command", required=True)
    for name, about in (
        ("run", "invoke a function a few times and show what happens"),
        ("serve", "keep an environment behind AWS's local invoke endpoint"),
    ):
        sub = commands.add_parser(
            name,
            help=about,
            description=about,
            epilog=_variations_help(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        _add_common(sub)
        add = sub.add_argument
        if name == "run":
            add(
                "--event",
                action="append",
                metavar="JSON",
                help="payload; several are taken in turn",
            )
            add("-n", "--invocations", type=int, default=1, help="0: init and shutdown only")
            add("--concurrent", action="store_true", help="all at once, on Managed Instances")
            add("--events", action="store_true", help="show each platform event too")
            add(
                "--deliveries",
                action="store_true",
                help="show each batch that was delivered to an extension",
            )
            add("--journal", action="store_true", help="show the account of API calls at the end")
        else:
            add("--port", type=int, default=8080, help="of the invoke endpoint (8080)")
            add("--host", default="127.0.0.1", help="to listen on (127.0.0.1)")
    about = "write a function and a layer with a small extension, to begin with"
    sub = commands.add_parser("example", help=about, description=about)
    sub.add_argument("target", type=Path, metavar="DIR", help="directory to make")
    sub = commands.add_parser(
        "build", help="build functions of Go, Rust or Java once, and print the directory of each"
    )
    sub.add_argument("sources", nargs="+", type=Path, metavar="DIR", help="with its pins")
    return main


def _milliseconds(seconds: str) -> int:
    return int(float(seconds) * 1000)


def _add_common(sub: argparse.ArgumentParser) -> None:
    """Add the arguments whose ``dest`` is a field of ``Function`` or ``Options``."""
    repeated: Any = {"action": "append", "default": []}
    seconds: Any = {"type": _milliseconds, "metavar": "SECONDS"}
    add = sub.add_argument_group("the function").add_argument
    add("--code", type=Path, required=True, help="directory that becomes /var/task")
    add("--handler", default="app.handler")
    add("--runtime", default="python", help="python…, nodejs…, java… or provided… (default python)")
    add("--name", default="function")
    add("--version", default="$LATEST")
    add("--memory", dest="memory_mb", type=int, default=128, metavar="MB")
    add("--timeout", dest="timeout_ms", default="3", **seconds)
    add("--log-format", choices=["Text", "JSON"], default="Text")
    add("--log-level", help="ApplicationLogLevel, with JSON")
    add("--env", dest="environment", metavar="NAME=VALUE", help="repeatable", **repeated)
    add = sub.add_argument_group("the environment").add_argument
    add("--layer", dest="layers", type=Path, help="zip or directory; repeatable", **repeated)
    add("--isolation", choices=["auto", "namespace", "relocated"], default="auto")
    add("--interpreter", type=Path, help="Python that becomes /var/lang (default: this one)")
    add("--runtime-client", type=Path, help="directory that becomes /var/runtime")
    add("--node", type=Path, help="Node.js executable")
    add("--managed-instances", action="store_true", help="Lambda Managed Instances mode")
    add("--concurrency", dest="max_concurrency", type=int, default=4, help="on such instances (4)")
    add("--no-freeze", dest="freeze", action="store_false", help="run on between invocations")
    add("--settle-ms", type=float, default=0, help="from the last Next to the freeze (0)")
    add("--init-timeout", dest="init_timeout_ms", default="10", **seconds)
    add(
        "--vary",
        dest="variations",
        metavar="NAME[=VALUE]",
        help="see below; repeatable",
        **repeated,
    )


def _variations_help() -> str:
    lines = ["variations (--vary NAME, or --vary NAME=VALUE where a value is shown):"]
    for field in dataclasses.fields(Variations):
        default = field.default
        if field.name == "garbage":
            lines.append(f"  garbage=KIND[,KIND…]  of {', '.join(GARBAGE_KINDS)}, or all")
        elif isinstance(default, bool):
            lines.append(f"  {field.name}")
        else:
            lines.append(f"  {field.name}=…  (default {default!r})")
    return "\n".join(lines)


def read_variations(words: list[str]) -> Variations:
    """Parse ``--vary`` arguments.

    Raises:
        ValueError: A name is unknown, or a value does not fit.
    """
    hints = typing.get_type_hints(Variations)
    values: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if name not in hints:
            raise ValueError(f"unknown variation {name!r}; see --help")
        hint = str(hints[name])
        if name == "garbage":
            values[name] = GARBAGE_KINDS if text == "all" or not equals else tuple(text.split(","))
        elif hints[name] is bool:
            values[name] = text.lower() not in ("false", "no", "0") if equals else True
        elif "int" in hint:
            values[name] = int(text)
        else:
            values[name] = text
    return Variations(**values)


def make(arguments: argparse.Namespace, printer: "Printer") -> LocalLambda:
    """Return the emulator that the arguments ask for.

    Raises:
        ValueError: Lambda would refuse a value.
    """
    values = vars(arguments) | {
        "environment": dict(word.partition("=")[::2] for word in arguments.environment),
        "variations": read_variations(arguments.variations),
        "on_line": printer.line,
    }
    function, options = (
        {name: values[name] for name in values.keys() & {f.name for f in dataclasses.fields(kind)}}
        for kind in (Function, Options)
    )
    return LocalLambda(Function(**function), **options)


class Printer:
    """Write lines and results as they happen, each after the name of its source."""

    def __init__(self) -> None:
        self._deliveries = 0

    def say(self, who: str, text: str) -> None:
        """Write text, each of its lines after the name of its source."""
        for part in text.rstrip("\n").split("\n"):
            sys.stdout.write(f"{who:>12} | {part}\n")
        sys.stdout.flush()

    def line(self, line: Line) -> None:
        """Write a line of a process or of the platform."""
        self.say(line.source, line.text)

    def result(self, result: InvokeResult) -> None:
        """Write the result of an invocation."""
        measured = {
            "init": result.init_ms,
            "duration": result.duration_ms,
            "held by extensions": result.held_ms,
        }
        times = [f"{name} {ms:.1f} ms" for name, ms in measured.items() if ms is not None]
        payload = json.dumps(result.payload, default=repr)
        self.say("result", f"{result.status}; {', '.join(times)}; {payload}")

    def deliveries(self, journal: Journal) -> None:
        """Write the batches that were delivered since the last call, and how each was answered."""
        batches = journal.of("batch")
        for batch in batches[self._deliveries :]:
            told = batch.detail
            events = ", ".join(f"{n} {kind}" for kind, n in Counter(told["types"]).items())
            again = f", attempt {told['attempt']}" if told["attempt"] > 1 else ""
            answer = told["status"] or f"no answer ({told['problem']})"
            self.say(
                "delivery",
                f"to {batch.who}: {events}; {told['bytes']} bytes{again}; {answer}"
                f" after {told['duration_ms']:.1f} ms",
            )
        self._deliveries = len(batches)


def _run(arguments: argparse.Namespace) -> int:
    printer = Printer()
    payloads = [json.loads(event) for event in arguments.event or ["{}"]]
    wanted = [payloads[i % len(payloads)] for i in range(arguments.invocations)]
    with make(arguments, printer) as cloud:
        printer.say("emulator", f"{cloud.isolation} environment")
        cloud.initialise()
        if arguments.concurrent:
            results = cloud.invoke_concurrently(wanted)
            for result in results:
                printer.result(result)
        else:
            results = []
            for payload in wanted:
                results.append(cloud.invoke(payload))
                printer.result(results[-1])
                if arguments.deliveries:
                    printer.deliveries(cloud.journal)
        _end(cloud, arguments, printer)
    return 0 if all(r.status == "success" for r in results) else 1


def _end(cloud: LocalLambda, arguments: argparse.Namespace, printer: Printer) -> None:
    """End the environment, and show what was asked for."""
    ended = cloud.shutdown() or cloud.last_shutdown
    for name, end in (ended.extensions if ended else {}).items():
        how = "had to be killed" if end.killed else f"exit code {end.exit_code}"
        printer.say("shutdown", f"{name}: {how} after {end.duration_ms:.0f} ms")
    if arguments.deliveries:
        printer.deliveries(cloud.journal)
    if arguments.events:
        for event in cloud.events:
            printer.say("event", json.dumps(event))
    if arguments.journal:
        for entry in cloud.journal:
            printer.say(
                "journal", f"{entry.at_ns} {entry.kind} {entry.who} {json.dumps(entry.detail)}"
            )
    printer.say("cloudwatch", f"{cloud.cloudwatch_bytes} bytes")


def _serve(arguments: argparse.Namespace) -> int:
    printer = Printer()
    with make(arguments, printer) as cloud:
        port = cloud.run(serve(cloud, host=arguments.host, port=arguments.port))
        where = f"http://{arguments.host}:{port}/2015-03-31/functions/function/invocations"
        printer.say("emulator", f"{cloud.isolation} environment; invoke with POST {where}")
        try:
            cloud.wait_until_interrupted()
        except KeyboardInterrupt:
            printer.say("emulator", "shutting down")
    return 0


def _example(arguments: argparse.Namespace) -> int:
    function, layer = write_example(arguments.target)
    sys.stdout.write(f"wrote {function} and {layer}; run them with:\n")
    sys.stdout.write(f"{program()} run --code {function} --layer {layer} --event 1\n")
    return 0


def _build(arguments: argparse.Namespace) -> int:
    """Build what can be built. What cannot is said, and does not keep the others from being built."""
    built = [_is_built(source) for source in arguments.sources]
    return 0 if all(built) else 2


def _is_built(source: Path) -> bool:
    """Build a program, print its directory, and return whether it could be built."""
    if not place_of(source).is_dir():
        sys.stderr.write(f"building {source} (once, in about a minute)\n")
    try:
        code = build(source)
        if (source / "pom.xml").exists():
            java_client()
    except EmulatorError as error:
        sys.stderr.write(f"{program()}: {error}\n")
        return False
    sys.stdout.write(f"{code}\n")
    return True


def main(words: list[str] | None = None) -> int:
    """Run the command line; return 0, or 1 if an invocation failed, or 2 if the emulator could not work."""
    arguments = parser().parse_args(words)
    try:
        commands = {"run": _run, "serve": _serve, "example": _example, "build": _build}
        return commands[arguments.command](arguments)
    except (EmulatorError, ValueError, OSError) as error:
        sys.stderr.write(f"{program()}: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
