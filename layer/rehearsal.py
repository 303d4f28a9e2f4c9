"""Use the extension as an environment does, and tell which regular expressions `re` compiles meanwhile.

`python rehearsal.py FOLDER...` runs under the Python that a bundle is for. The folders, which hold the package and its
libraries, come first on the path. Standard output gets the expressions, marshalled as in `bundle.py`. What an environment
compiles and this does not is compiled there as ever, so the lines below need not be complete.
"""

import _sre  # type: ignore[import-not-found]
import marshal
import re
import sys
from typing import Any

found: dict[Any, Any] = {}
compiler: Any = getattr(re, "_compiler", None) or getattr(re, "sre_compile", None)
compile_pattern = compiler.compile


class Engine:
    """Stands before `_sre`, and notes what it is given."""

    asked: tuple[Any, int] = ("", 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(_sre, name)

    def compile(self, pattern: Any, flags: int, code: list[int], *rest: Any) -> Any:
        """Note an expression and compile it."""
        groups, names, numbers = rest
        data = b"".join(one.to_bytes(_sre.CODESIZE, sys.byteorder) for one in code)
        if pattern is not None:
            found[self.asked] = (int(flags), data, groups, dict(names), numbers)
        return _sre.compile(pattern, flags, code, *rest)


def noting(pattern: Any, flags: int = 0) -> Any:
    """Compile as `re` does, and remember what it was asked for."""
    engine.asked = (pattern, int(flags))
    return compile_pattern(pattern, flags)


engine = compiler._sre = Engine()  # noqa: SLF001 - the only place that knows the engine's code
compiler.compile = noting

ID = "11111111-2222-4333-8444-555555555555"
TIME = "2026-11-28T12:00:00.123Z"
TIMES = (TIME, "2026-11-28 12:00:00,123", "28/Nov/2026:12:00:00 +0000", "Nov 28 12:00:00")
TEXTS = (
    *(f"{time} {level} shop.cart - stored" for time in TIMES for level in ("INFO", "ERROR")),
    *(f"[{level}]\t{TIME}\t{ID}\tstored" for level in ("INFO", "ERROR")),
    *(f"{TIME}\t{ID}\t{level}\tstored" for level in ("INFO", "ERROR")),
    f'{TIME}\t{ID}\tERROR\tInvoke Error \t{{"errorType":"Error","errorMessage":"m","stack":["Error: m","    at f (/var/task/a.js:1:2)"]}}',
    '[ERROR] ValueError: m\nTraceback (most recent call last):\n  File "/var/task/app.py", line 1, in handler\n    f()\n',
    "m: shop.Refused\nshop.Refused: m\n\tat shop.Cart.add(Cart.java:1)\n\tat java.base/a.B.c(B.java:2)\n\n",
    f"{TIME}\t{ID}\tfail\tShop.Refused: m\n   at Shop.Cart.Add() in /src/Cart.cs:line 1",
    "info: Shop.Handler[0]\n      stored",
    "fail: Shop.Handler[0]\n      refused",
    f"E, [2026-11-28T12:00:00.123456 #8] ERROR {ID} -- : Error raised from handler method",
    '2026/11/28 12:00:00 {"errorMessage":"m","errorType":"errorString"}',
    f'{TIME} ERROR Lambda runtime invoke{{requestId="{ID}"}}: lambda_runtime: m',
    "thread 'main' panicked at src/main.rs:33:20:\nm",
    f'{ID}\tInvoke Error\t{{"errorType":"E","errorMessage":"m","stack":["#0 /var/task/a.php(1): f()"]}}',
    "2026-11-28 12:00:00,123 - shop - ERROR - m",
    "2026-11-28 12:00:00 | ERROR | shop:add:1 - m",
    "level=error msg=m",
    "time=2026-11-28T12:00:00Z level=INFO msg=m",
    "error: m",
    "WARN  m",
    "<3>m",
    "\x1b[31mERROR\x1b[0m m",
    "order 17 stored",
    '{"level":"info","message":"m"}',
    '{"level":50,"time":1795981890,"msg":"m","err":{"type":"E","message":"m","stack":"E: m\\n    at f (a.js:1:2)"}}',
    f'{{"timestamp":"{TIME}","level":"ERROR","message":"m","requestId":"{ID}"}}',
)
OBJECTS: tuple[dict[str, Any], ...] = (
    {"timestamp": TIME, "level": "INFO", "message": "m", "requestId": ID},
    {
        "timestamp": TIME,
        "level": "ERROR",
        "message": "m",
        "requestId": ID,
        "errorType": "E",
        "stackTrace": ["at f"],
    },
    {"level": "info", "msg": "m", "traceId": "t"},
)
"""What loggers and the clients of Lambda's runtimes write."""

ENVIRON = {
    "FLIGHT_RECORDER_SAMPLE_RATE": "1",
    "FLIGHT_RECORDER_FLUSH_TIMEOUT": "250ms",
    "FLIGHT_RECORDER_KEEP_AT_MOST": "10/m",
    "FLIGHT_RECORDER_BUFFER_SIZE": "8MiB",
    "FLIGHT_RECORDER_REDACT": "all",
}


def record() -> list[Any]:
    """Record failed invocations, and return the chunks that are to leave."""
    import json

    from extension.config.settings import read_settings
    from extension.delivery.queue import Queues, SendingQueue
    from extension.diagnostics.account import Account
    from extension.recorder.recorder import Recorder
    from extension.recorder.tail_sampler import TailSampler

    def event(kind: str, told: Any) -> dict[str, Any]:
        return {"time": TIME, "type": kind, "record": told}

    settings, _ = read_settings(ENVIRON | {"FLIGHT_RECORDER_SINK": "https://intake.invalid/in"})
    account = Account()
    queues = Queues(SendingQueue(account, random=lambda: 0.0))
    sampler = TailSampler(settings, queues=queues, account=account)
    recorder = Recorder(settings, sampler=sampler, account=account)
    batches: list[list[Any]] = [[one] * 4 for one in TEXTS]
    batches += [[text] for text in TEXTS] + [[one] for one in OBJECTS]
    for number, records in enumerate(batches):
        name = f"{number:08d}{ID[8:]}"
        trace = "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"
        recorder.invoked(name, trace_header=trace, arn="")
        told = json.loads(json.dumps(records).replace(ID, name))
        for events in (
            [event("platform.start", {"requestId": name})],
            [event("function", one) for one in told],
            [event("platform.runtimeDone", {"requestId": name, "status": "error"})],
        ):
            recorder.receive(json.dumps(events, separators=(",", ":")).encode())
    return queues.primary.take_all()


def deliver(chunks: list[Any]) -> None:
    """Encode chunks as the sinks do, mask them, and send a request over HTTP."""
    import socket
    import threading
    import time

    from extension.config.parsers import read_redactions
    from extension.model.ndjson import encode
    from extension.redaction.redactor import Redactor
    from extension.sinks import (  # noqa: F401 - each compiles its own
        cloudwatch,
        cloudwatch_events,
        firehose,
        http,
        s3,
    )
    from extension.transport.client import Transport
    from extension.transport.proxies import proxy_for

    Redactor(read_redactions("all")).prepare()
    encode(chunks)
    proxy_for("https", "a.b", 443, {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8,c.d:80"})
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")

        threading.Thread(target=answer, daemon=True).start()
        url = f"http://localhost:{server.getsockname()[1]}/in?a=b"
        until_s = time.monotonic() + 10
        Transport({}).exchange("POST", url, headers={"A": "b"}, body=b"x", until_s=until_s)


if __name__ == "__main__":
    sys.path[:0] = sys.argv[1:]
    deliver(record())
    sys.stdout.buffer.write(marshal.dumps(found, 2))
