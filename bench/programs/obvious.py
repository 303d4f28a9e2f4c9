"""The obvious way: what one writes first, with the libraries one would use anyway, imported where one imports.

httpx and structlog, then register; ``http.server`` in a thread; ``json.loads`` of each batch; a list of dicts for each
request id; an invocation with an error line is posted with httpx. With ``hold`` on the command line it asks for the
next event when ``platform.runtimeDone`` has come. It is reasonable code, and what the layer's figures are held against.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import structlog

log = structlog.get_logger()
API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}"
SINK = os.environ.get("FLIGHT_RECORDER_SINK", "")
HOLDS = "hold" in sys.argv

client = httpx.Client(timeout=None)
sink_client = httpx.Client()
invocations: dict[str, list[dict]] = {}
current = ""
ended = threading.Event()


def is_error(record):
    """Tells whether a line says that something went wrong."""
    if isinstance(record, dict):
        return record.get("level") in {"ERROR", "FATAL"}
    return record.startswith("[ERROR]") or "\tERROR\t" in record[:80]


def take(event):
    """Files one event under its invocation, and delivers the invocation if it has ended badly."""
    global current
    kind = event["type"]
    if kind == "platform.start":
        current = event["record"]["requestId"]
        invocations[current] = []
    elif kind == "function":
        invocations.setdefault(current, []).append(event)
    elif kind == "platform.runtimeDone":
        events = invocations.pop(event["record"]["requestId"], [])
        failed = event["record"]["status"] != "success"
        if failed or any(is_error(each["record"]) for each in events):
            lines = "".join(json.dumps(each) + "\n" for each in events)
            sink_client.post(SINK, content=lines.encode()).raise_for_status()
        ended.set()


class Handler(BaseHTTPRequestHandler):
    """Receives batches."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        """Answers a batch, then takes it."""
        events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        for event in events:
            take(event)

    def log_message(self, format, *args):
        """Says nothing."""


def main():
    """Runs the extension."""
    answer = client.post(
        f"{API}/2020-01-01/extension/register",
        headers={"Lambda-Extension-Name": "obvious"},
        json={"events": ["INVOKE", "SHUTDOWN"]},
    )
    identifier = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}
    server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client.put(
        f"{API}/2020-08-15/logs",
        headers=identifier,
        json={
            "schemaVersion": "2021-03-18",
            "types": ["platform", "function"],
            "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
            "destination": {
                "protocol": "HTTP",
                "URI": f"http://sandbox.localdomain:{server.server_port}/",
            },
        },
    )
    while True:
        event = client.get(f"{API}/2020-01-01/extension/event/next", headers=identifier).json()
        if event["eventType"] == "SHUTDOWN":
            break
        if HOLDS:
            ended.wait()
            ended.clear()


main()
