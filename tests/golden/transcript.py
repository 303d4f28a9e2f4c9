"""What left the extension, as one text: small enough to read, and different where a byte of it is different.

What is written otherwise than it left, and why. Nothing else is touched:

- Own log: ``timestamp`` and ``event`` (the message) are left out; the order of the other keys, and their values, stay.
- ``<ms>``: how long something took by the clock that cannot be set: the account's ``held_ms`` for ``delivery``, and
  HeldTime and DeliveryTime in lines of metrics.
- ``<bytes sent>``: ``delivered_bytes`` where that is exactly what receivers got, but in bodies that were compressed, or
  with a line of metrics among them, whose durations are longer or shorter; and
  ``<sha256>``: a digest of such a body, which is looked at. How many bytes a text is compressed into is zlib's doing.
- ``<tries>``: a count of ``unavailable`` or ``denied`` deliveries beyond 1: attempts at SHUTDOWN are paced by that clock.
- ``<signature>``: it covers the receiver's port.
- ``<port>/``: of the listener; its path, which is random, is left out.
- ``<request 3>``, ``<trace 3 R>``: ids of the third invocation, of which R is the trace id's randomness; they are given, and long.
- Bodies are written without their compression, base64 or protobuf; OTLP has its digest besides. ``},{`` is broken
  into two lines, and 64 times the same character or more is written as ``<1000*x>``.
"""

import base64
import hashlib
import json
import re

from tests.doubles.http_server import Request
from tests.golden.otlp_text import text_of
from tests.golden.run import Captured

HEADERS = (
    "authorization",
    "content-encoding",
    "content-type",
    "x-amz-checksum-sha256",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-target",
    "x-scenario",
)
"""Those that are ours to choose; the HTTP client's own are not looked at."""

SUCCESS = 200
BILLED_BYTES = 26
OWN_METRICS = b'\\"Namespace\\":\\"FlightRecorder\\"'
"""As it stands in the body of PutLogEvents."""

_LISTENER = re.compile(r"domain:\d+/[0-9a-f]*")
_RUN = re.compile(r"(.)\1{63,}")
_SIGNATURE = re.compile(r"Signature=[0-9a-f]{64}")
_OBJECT_DIGEST = re.compile(r"-([0-9a-f]{8})(\.ndjson\.gz)$")
_REQUEST_ID = re.compile(r"0000([0-9a-f]{4})-68aa-4c96-beb0-81e0aa58\1")
_TRACE_ID = re.compile(r"1-6924([0-9a-f]{4})-000000\1([0-9a-f]{14})")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_DURATIONS = re.compile(r'"(HeldTime|DeliveryTime)":(\[[^\]]*\]|[0-9.]+)')
_ESCAPED_DURATIONS = re.compile(r'\\"(HeldTime|DeliveryTime)\\":(\[[^\]]*\]|[0-9.]+)')


def transcript(captured: Captured) -> str:
    """Return everything that left the extension, as one text."""
    parts = [
        f"{one.method} {one.path} {one.headers.get('lambda-extension-name', '')}".rstrip()
        + f"\n{_LISTENER.sub('domain:<port>/', one.body.decode())}\n"
        for one in captured.asked
    ]
    sections = [("Lambda", "".join(parts))]
    for place, request in enumerate(captured.requests, 1):
        sections.append((f"request {place}", _request(request)))
    for name, data in captured.files.items():
        sections.append((f"file {name}", _text(data)))
    sections.append(("stdout", _text(captured.stdout)))
    sections.append(("stderr", _own_log(captured)))
    text = "".join(f"==== {title}\n{text}" for title, text in sections if text)
    text = _REQUEST_ID.sub(lambda found: f"<request {int(found.group(1), 16)}>", text)
    return _TRACE_ID.sub(lambda found: f"<trace {int(found.group(1), 16)} {found.group(2)}>", text)


def _request(request: Request) -> str:
    digest = hashlib.sha256(request.body).hexdigest()
    digests = {digest, base64.b64encode(bytes.fromhex(digest)).decode()}
    is_compressed = request.body != request.content
    path = request.target
    found = _OBJECT_DIGEST.search(path)
    if found is not None and found.group(1) == digest[:8]:
        path = _OBJECT_DIGEST.sub(r"-<sha256>\2", path)
    head = [f"{request.method} {path} -> {request.status}"]
    for name in HEADERS:
        value = request.headers.get(name)
        if value is not None:
            value = _SIGNATURE.sub("Signature=<signature>", value)
            head.append(f"{name}: {'<sha256>' if is_compressed and value in digests else value}")
    return "\n".join(head) + "\n\n" + _body(request)


def _body(request: Request) -> str:
    body = request.content
    if request.headers.get("content-type") == "application/x-protobuf":
        return f"sha256 {hashlib.sha256(body).hexdigest()}\n{text_of(body)}\n"
    if request.headers.get("x-amz-target", "").startswith("Firehose"):
        before, *records = re.split(rb'(?<="Data":")', body)
        text = before.decode()
        for record in records:
            data, quote, after = record.partition(b'"')
            text += f"\n{_text(base64.b64decode(data, validate=True))}{(quote + after).decode()}"
        return text + "\n"
    return _text(body)


def _text(data: bytes) -> str:
    """Return bytes as text that ends in a newline, and says so if it had none."""
    text = data.decode("utf-8", "backslashreplace").replace("},{", "},\n{")
    text = _RUN.sub(lambda run: f"<{len(run.group())}*{run.group(1)}>", text)
    text = _DURATIONS.sub(r'"\1":<ms>', text)
    text = _ESCAPED_DURATIONS.sub(r'\\"\1\\":<ms>', text)
    if text and not text.endswith("\n"):
        text += "\n(no newline at the end)\n"
    return text


def _own_log(captured: Captured) -> str:
    lines = []
    for line in captured.stderr.decode().splitlines():
        entry = json.loads(line)
        assert _TIMESTAMP.fullmatch(entry.pop("timestamp")), line
        assert entry.pop("event"), line
        if "received_lines" in entry:
            _generalise(entry, captured.requests)
        lines.append(json.dumps(entry, separators=(",", ":")) + "\n")
    return "".join(lines)


def _generalise(account: dict[str, object], requests: list[Request]) -> None:
    # It changes with each release, and tests/end_to_end/test_own_output.py holds it.
    account.pop("version", None)
    held_ms = account["held_ms"]
    assert isinstance(held_ms, dict)
    held_ms["delivery"] = "<ms>" if held_ms["delivery"] >= 0 else held_ms["delivery"]
    deliveries = account["deliveries"]
    assert isinstance(deliveries, dict)
    for answer in ("unavailable", "denied"):
        if deliveries.get(answer, 0) > 1:
            deliveries[answer] = "<tries>"
    taken = [one for one in requests if one.status == SUCCESS]
    sent_bytes = sum(len(one.body) for one in taken if one.body != one.content)
    if any(OWN_METRICS in one.content for one in taken):
        sent_bytes = sum(_billed_bytes(one) for one in taken)
    archive = account.get("archive")
    for counters in [account] + ([archive] if isinstance(archive, dict) else []):
        if sent_bytes and counters["delivered_bytes"] == sent_bytes:
            counters["delivered_bytes"] = "<bytes sent>"


def _billed_bytes(request: Request) -> int:
    """Count as CloudWatch bills: messages, and 26 bytes for each (AWS: PutLogEvents)."""
    messages = [one["message"] for one in json.loads(request.content).get("logEvents", ())]
    return sum(len(one.encode()) + BILLED_BYTES for one in messages)
