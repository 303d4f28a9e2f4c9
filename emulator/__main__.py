"""The command line: ``python -m emulator run`` and ``python -m emulator serve``."""

import argparse
import dataclasses
import json
import sys
import typing
from pathlib import Path
from typing import Any

from emulator.cloud import LocalLambda
from emulator.machine.frames import Line
from emulator.model.errors import EmulatorError
from emulator.model.function import Function
from emulator.model.invocation import InvokeResult
from emulator.model.variations import GARBAGE_KINDS, Variations
from emulator.serve import serve

EPILOG = """
examples:
  python -m emulator run --code my_function --handler app.handler --layer my-layer.zip --event '{}' -n 5
  python -m emulator run --code . --layer ext/ --log-format JSON --vary duplicate_batches --vary report=at_once
  python -m emulator serve --code my_function --layer my-layer.zip --port 8080
  curl -d '{}' http://127.0.0.1:8080/2015-03-31/functions/function/invocations
"""


def parser() -> argparse.ArgumentParser:
    """Make the parser; its help is the reference of the command line."""
    main = argparse.ArgumentParser(
        prog="python -m emulator",
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
        if name == "run":
            sub.add_argument(
                "--event",
                action="append",
                metavar="JSON",
                help="payload; several are taken in turn",
            )
            sub.add_argument(
                "-n",
                "--invocations",
                type=int,
                default=1,
                help="how many; 0: init and shutdown only",
            )
            sub.add_argument(
                "--concurrent", action="store_true", help="all at once (with --managed-instances)"
            )
            sub.add_argument("--events", action="store_true", help="show each platform event too")
            sub.add_argument(
                "--journal", action="store_true", help="show the account of API calls at the end"
            )
        else:
            sub.add_argument("--port", type=int, default=8080, help="of the invoke endpoint (8080)")
            sub.add_argument("--host", default="127.0.0.1", help="to listen on (127.0.0.1)")
    return main


def _add_common(sub: argparse.ArgumentParser) -> None:
    function = sub.add_argument_group("the function")
    function.add_argument(
        "--code", type=Path, required=True, help="directory that becomes /var/task"
    )
    function.add_argument("--handler", default="app.handler")
    function.add_argument(
        "--runtime", default="python", help="python…, nodejs… or provided… (default python)"
    )
    function.add_argument("--name", default="function")
    function.add_argument("--version", default="$LATEST")
    function.add_argument("--memory", type=int, default=128, metavar="MB")
    function.add_argument("--timeout", type=float, default=3.0, metavar="SECONDS")
    function.add_argument("--log-format", choices=["Text", "JSON"], default="Text")
    function.add_argument("--log-level", help="ApplicationLogLevel, with JSON")
    function.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="a variable; repeatable"
    )
    place = sub.add_argument_group("the environment")
    place.add_argument(
        "--layer", type=Path, action="append", default=[], help="zip or directory; repeatable"
    )
    place.add_argument("--isolation", choices=["auto", "namespace", "relocated"], default="auto")
    place.add_argument(
        "--interpreter", type=Path, help="Python whose prefix becomes /var/lang (default: this one)"
    )
    place.add_argument("--runtime-client", type=Path, help="directory that becomes /var/runtime")
    place.add_argument("--node", type=Path, help="Node.js executable")
    place.add_argument(
        "--managed-instances", action="store_true", help="Lambda Managed Instances mode"
    )
    place.add_argument("--concurrency", type=int, default=4, help="with --managed-instances (4)")
    place.add_argument(
        "--no-freeze", action="store_true", help="let the environment run between invocations"
    )
    place.add_argument(
        "--settle-ms", type=float, default=0, help="pause between the last Next and the freeze (0)"
    )
    place.add_argument("--init-timeout", type=float, default=10.0, metavar="SECONDS")
    place.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="switch a variation; repeatable (see below)",
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
    """Read ``--vary`` arguments.

    Raises:
        ValueError: An unknown name or a value that does not fit.
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
    """Make the emulator the arguments ask for.

    Raises:
        ValueError: A value Lambda would refuse.
    """
    function = Function(
        code=arguments.code,
        handler=arguments.handler,
        runtime=arguments.runtime,
        name=arguments.name,
        version=arguments.version,
        memory_mb=arguments.memory,
        timeout_ms=int(arguments.timeout * 1000),
        log_format=arguments.log_format,
        log_level=arguments.log_level,
        environment=dict(word.partition("=")[::2] for word in arguments.env),
    )
    return LocalLambda(
        function,
        layers=arguments.layer,
        variations=read_variations(arguments.vary),
        managed_instances=arguments.managed_instances,
        max_concurrency=arguments.concurrency,
        isolation=arguments.isolation,
        interpreter=arguments.interpreter,
        runtime_client=arguments.runtime_client,
        node=arguments.node,
        freeze=not arguments.no_freeze,
        settle_ms=arguments.settle_ms,
        init_timeout_ms=arguments.init_timeout * 1000,
        on_line=printer.line,
    )


class Printer:
    """Writes what happens as it happens, one prefixed line at a time."""

    def __init__(self) -> None:
        self._file = sys.stdout

    def say(self, who: str, text: str) -> None:
        """Write text, each of its lines after the name of who wrote it."""
        for part in text.rstrip("\n").split("\n"):
            self._file.write(f"{who:>12} | {part}\n")
        self._file.flush()

    def line(self, line: Line) -> None:
        """Write a line of a process or of the platform."""
        self.say(line.source, line.text)

    def result(self, result: InvokeResult) -> None:
        """Write how an invocation ended."""
        times = [f"{name} {value:.1f} ms" for name, value in _times(result) if value is not None]
        payload = json.dumps(result.payload, default=repr)
        self.say("result", f"{result.status}; {', '.join(times)}; {payload}")


def _times(result: InvokeResult) -> list[tuple[str, float | None]]:
    return [
        ("init", result.init_ms),
        ("duration", result.duration_ms),
        ("held by extensions", result.held_ms),
    ]


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
        ended = cloud.shutdown() or cloud.last_shutdown
        for name, end in (ended.extensions if ended else {}).items():
            how = "had to be killed" if end.killed else f"exit code {end.exit_code}"
            printer.say("shutdown", f"{name}: {how} after {end.duration_ms:.0f} ms")
        if arguments.events:
            for event in cloud.events:
                printer.say("event", json.dumps(event))
        if arguments.journal:
            for entry in cloud.journal:
                printer.say(
                    "journal", f"{entry.at_ns} {entry.kind} {entry.who} {json.dumps(entry.detail)}"
                )
        printer.say("cloudwatch", f"{cloud.cloudwatch_bytes} bytes")
    return 0 if all(r.status == "success" for r in results) else 1


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


def main(words: list[str] | None = None) -> int:
    """Run the command line; give the exit code: 0, 1 if an invocation failed, 2 if the emulator could not work."""
    arguments = parser().parse_args(words)
    try:
        return _run(arguments) if arguments.command == "run" else _serve(arguments)
    except (EmulatorError, ValueError, OSError) as error:
        sys.stderr.write(f"python -m emulator: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
