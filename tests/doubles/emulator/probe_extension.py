"""A small extension on raw sockets, told by PROBE_… variables what to do; it writes what it sees to a file.

Run by path, not imported: it stands for somebody else's extension, so it shares no code with the emulator.
"""

import json
import os
import socket
import sys
import threading
import time
from typing import Any

NAME = os.environ.get("PROBE_NAME", "probe")
OUT = os.environ.get("PROBE_OUT", "/dev/null")
MODE = os.environ.get("PROBE_MODE", "")
IN_RIE_ALL_INTERFACES = "0.0.0.0"
lock = threading.Lock()
refusals_left = int(os.environ.get("PROBE_REFUSE_BATCHES", "0"))


def note(kind: str, **more: Any) -> None:
    """Append one line to the account."""
    line = json.dumps({"kind": kind, "at_ns": time.monotonic_ns(), "pid": os.getpid(), **more})
    with lock, open(f"{OUT}.{NAME}", "a", encoding="utf-8") as file:  # noqa: PTH123 - a script that starts fast and is one page
        file.write(line + "\n")


def read_message(stream: Any) -> tuple[str, dict[str, str], bytes]:
    """Read one HTTP message."""
    first = stream.readline().decode("latin-1").strip()
    headers = {}
    while True:
        line = stream.readline().decode("latin-1").strip()
        if not line:
            break
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return first, headers, stream.read(int(headers.get("content-length", "0")))


def call(
    method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Call the local API on a connection of its own."""
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close"]
        lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
        lines.append(f"Content-Length: {len(body)}\r\n\r\n")
        connection.sendall("\r\n".join(lines).encode() + body)
        first, got, data = read_message(connection.makefile("rb"))
    return int(first.split(" ")[1]), got, data


def listen_http(server: socket.socket) -> None:
    """Take batches for ever."""
    while True:
        connection, _ = server.accept()
        threading.Thread(target=serve_http, args=(connection,), daemon=True).start()


def serve_http(connection: socket.socket) -> None:
    """Answer the batches of one connection."""
    global refusals_left  # noqa: PLW0603 - a script that starts fast and is one page
    stream = connection.makefile("rb")
    while True:
        first, headers, body = read_message(stream)
        if not first:
            return
        text = body.decode("utf-8", "backslashreplace")
        note("batch", request=first, headers=headers, body=text)
        if MODE == "slow_batches":
            time.sleep(0.3)
        if refusals_left > 0:
            refusals_left -= 1
            connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def listen_tcp(server: socket.socket) -> None:
    """Take lines for ever."""
    while True:
        connection, _ = server.accept()
        for line in connection.makefile("rb"):
            note("line", body=line.decode())


def subscribe(identifier: str, port: int, api: str) -> None:
    """Subscribe to one API and note the answer."""
    protocol = os.environ.get("PROBE_PROTOCOL", "HTTP")
    destination: dict[str, Any] = {"protocol": "TCP", "port": port}
    if protocol == "HTTP":
        host = os.environ.get("PROBE_HOST", "sandbox.localdomain")
        destination = {"protocol": "HTTP", "URI": f"http://{host}:{port}/in"}
        if os.environ.get("PROBE_METHOD"):
            destination["method"] = os.environ["PROBE_METHOD"]
    default = "2021-03-18" if api == "logs" else "2022-12-13"
    body = {
        "schemaVersion": os.environ.get("PROBE_SCHEMA", default),
        "types": json.loads(os.environ.get("PROBE_TYPES", '["platform","function"]')),
        "buffering": {
            "maxItems": int(os.environ.get("PROBE_MAX_ITEMS", "1000")),
            "maxBytes": 262_144,
            "timeoutMs": int(os.environ.get("PROBE_TIMEOUT_MS", "25")),
        },
        "destination": destination,
    }
    body |= json.loads(os.environ.get("PROBE_OVERRIDE", "{}"))
    path = "/2020-08-15/logs" if api == "logs" else "/2022-07-01/telemetry"
    status, _, answer = call(
        "PUT",
        path,
        json.dumps(body).encode(),
        {"Lambda-Extension-Identifier": identifier, "Content-Type": "application/json"},
    )
    note("subscribe", api=api, status=status, answer=answer.decode())


def register() -> str:
    """Register until accepted; return the identifier."""
    events = json.loads(os.environ.get("PROBE_EVENTS", '["INVOKE","SHUTDOWN"]'))
    for _ in range(10):
        status, headers, answer = call(
            "POST",
            "/2020-01-01/extension/register",
            json.dumps({"events": events}).encode(),
            {"Lambda-Extension-Name": NAME, "Lambda-Extension-Accept-Feature": "accountId"},
        )
        identifier = headers.get("lambda-extension-identifier", "")
        note("register", status=status, answer=answer.decode(), identifier=bool(identifier))
        if status == 200:
            return identifier
        if MODE == "one_register":
            break
    return ""


def main() -> None:  # noqa: C901, PLR0912 - a script that starts fast and is one page
    """Do what was asked for."""
    note("start", environment=dict(os.environ), argv=sys.argv)
    print(f"{NAME} says hello", flush=True)
    if MODE == "never_register":
        time.sleep(60)
    if MODE == "exit_before_register":
        sys.exit(0)
    server = socket.create_server((IN_RIE_ALL_INTERFACES, 0), backlog=64)
    protocol = os.environ.get("PROBE_PROTOCOL", "HTTP")
    target = listen_http if protocol == "HTTP" else listen_tcp
    threading.Thread(target=target, args=(server,), daemon=True).start()
    identifier = register()
    for api in os.environ.get("PROBE_APIS", "telemetry").split():
        subscribe(identifier, server.getsockname()[1], api)
    own = {"Lambda-Extension-Identifier": identifier}
    if MODE in ("init_error", "exit_error"):
        if MODE == "exit_error":
            call("GET", "/2020-01-01/extension/event/next", headers=own)
        path = f"/2020-01-01/extension/{MODE.replace('_', '/')}"
        status, _, answer = call(
            "POST", path, b"{}", {**own, "Lambda-Extension-Function-Error-Type": "Extension.Told"}
        )
        note("error", status=status, answer=answer.decode())
        time.sleep(60)
    if MODE == "never_next":
        time.sleep(60)
    while True:
        status, headers, body = call("GET", "/2020-01-01/extension/event/next", headers=own)
        note("event", status=status, headers=headers, body=body.decode())
        event = json.loads(body)
        if event["eventType"] == "INVOKE":
            if os.environ.get("PROBE_LATE_API"):
                subscribe(identifier, server.getsockname()[1], os.environ["PROBE_LATE_API"])
            if MODE == "exit_at_invoke":
                os._exit(0)
            if MODE.startswith("hold:"):
                time.sleep(float(MODE.removeprefix("hold:")))
        if event["eventType"] == "SHUTDOWN":
            if MODE == "ignore_shutdown":
                time.sleep(60)
            time.sleep(0.1)
            os._exit(0)


if __name__ == "__main__":
    main()
