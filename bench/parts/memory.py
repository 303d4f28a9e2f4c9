"""Measure memory: at the first Next, after deliveries, for each buffered byte, and at the bound."""

from bench import batches
from bench.control_plane.plane import ControlPlane
from bench.control_plane.process import Memory, memory
from bench.control_plane.tls_sink import TlsSink
from bench.reporting.figures import Row, row
from bench.subjects import KEEPING, LAYER, OBVIOUS, Bench, Subject

TOPIC = "memory"

NEXT_LIMIT_MB = 12.0
HTTPS_LIMIT_MB = 18.0
BYTE_LIMIT = 1.3

MB = 1e6
MIB = 1024 * 1024

BUFFERED_BYTES = 24 * MIB
QUICK_BUFFERED_BYTES = 6 * MIB
LINE_BYTES = (50, 200, 2000)

BOUND_BYTES = 8 * MIB
FLOWED_BYTES = 200 * 1000 * 1000
QUICK_FLOWED_BYTES = 30 * 1000 * 1000
BOUND_SLACK_BYTES = 4 * MIB
"""The process may grow by this beside the buffer: two batches in work, and the allocator's holes."""

LARGE_FUNCTION = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024"}


def measure(bench: Bench) -> list[Row]:
    """Measure everything of this part."""
    return [*_resting(bench), *_delivered(bench), *_by_byte(bench), _bound(bench)]


def _resting(bench: Bench) -> list[Row]:
    at_next: dict[str, list[float]] = {name: [] for name in bench.subjects}
    loaded: dict[str, list[float]] = {name: [] for name in bench.subjects}
    for _ in range(bench.times(7, 2)):
        for name, subject in bench.subjects.items():
            with subject.running(stop_at_next=True) as plane:
                at_next[name].append(memory(plane.pid).pss_bytes / MB)
                plane.thaw()
                plane.settle()
                loaded[name].append(memory(plane.pid).pss_bytes / MB)
    return [
        row(TOPIC, "PSS at first Next", "MB", at_next, limit=NEXT_LIMIT_MB),
        row(TOPIC, "PSS when all is loaded", "MB", loaded),
    ]


def _delivered(bench: Bench) -> list[Row]:
    holding = {
        name: subject.with_words("hold").with_settings(FLUSH="end")
        for name, subject in bench.chosen(KEEPING, OBVIOUS, LAYER).items()
    }
    plain: dict[str, list[float]] = {name: [] for name in holding}
    secure: dict[str, list[float]] = {name: [] for name in holding if name != KEEPING}
    resident: dict[str, list[float]] = {name: [] for name in secure}
    certificate = bench.certificate
    for _ in range(bench.times(3, 1)):
        for name, subject in holding.items():
            with subject.running() as plane:
                _fail(plane)
                plane.wait_sink(1)
                plain[name].append(_settled(plane).pss_bytes / MB)
            if certificate is None or name not in secure:
                continue
            variables = {"SSL_CERT_FILE": str(certificate)}
            with (
                TlsSink(certificate) as sink,
                subject.with_settings(SINK=sink.url).running(variables) as plane,
            ):
                _fail(plane)
                plane.wait_for(sink.taken.is_set)
                held = _settled(plane)
                secure[name].append(held.pss_bytes / MB)
                resident[name].append(held.rss_bytes / MB)
    rows = [row(TOPIC, "PSS after a delivery over HTTP", "MB", plain)]
    if certificate is not None:
        told = "after a delivery over HTTPS"
        note = "libc, libssl and modules of the standard library are shared with who else has them loaded; RSS is not"
        rows += [
            row(TOPIC, f"PSS {told}", "MB", secure, limit=HTTPS_LIMIT_MB, note=note),
            row(TOPIC, f"RSS {told}", "MB", resident),
        ]
    return rows


def _fail(plane: ControlPlane) -> None:
    plane.invoke(batches.request_id(0))
    plane.post(batches.invocation(0, line_count=100, failed=True))


def _settled(plane: ControlPlane) -> Memory:
    plane.wait_next()
    plane.settle()
    return memory(plane.pid)


def _by_byte(bench: Bench) -> list[Row]:
    rows: list[Row] = []
    size = QUICK_BUFFERED_BYTES if bench.quick else BUFFERED_BYTES
    for line_bytes in LINE_BYTES:
        bodies = _open_invocation(size, line_bytes)
        grown: dict[str, list[float]] = {}
        for name, subject in bench.chosen(KEEPING, OBVIOUS, LAYER).items():
            large = subject.with_settings(BUFFER_SIZE="64MiB", FLUSH="background")
            grown[name] = [_grown(large, bodies) / sum(map(len, bodies))]
        rows.append(
            row(
                TOPIC,
                f"PSS for each byte buffered, lines of {line_bytes} bytes",
                "B",
                grown,
                limit=BYTE_LIMIT,
                note="" if rows else "of the events as received, their time and type included",
            )
        )
    return rows


def _open_invocation(size: int, line_bytes: int) -> list[bytes]:
    identifier = batches.request_id(0)
    count = size // (line_bytes + batches.ENVELOPE_BYTES)
    lines = batches.lines("print", count=count, line_bytes=line_bytes, identifier=identifier)
    return batches.bodies([batches.start(identifier), *lines])


def _grown(subject: Subject, bodies: list[bytes]) -> int:
    with subject.running(LARGE_FUNCTION) as plane:
        plane.settle()
        plane.invoke(batches.request_id(0))
        # A first batch, for what is made once: the connection, the reader, the thread.
        plane.post(bodies[0])
        plane.settle()
        before = memory(plane.pid).pss_bytes - len(bodies[0])
        for body in bodies[1:]:
            plane.post(body)
        plane.settle()
        return memory(plane.pid).pss_bytes - before


def _bound(bench: Bench) -> Row:
    """Let far more than BUFFER_SIZE flow through one invocation. The other subjects have no bound."""
    size = QUICK_FLOWED_BYTES if bench.quick else FLOWED_BYTES
    grown = {name: [_flowed(subject, size) / MB] for name, subject in bench.chosen(LAYER).items()}
    return row(
        TOPIC,
        f"peak growth while {size // 1_000_000} MB pass through BUFFER_SIZE=8MiB",
        "MB",
        grown,
        limit=(BOUND_BYTES + BOUND_SLACK_BYTES) / MB,
        note=f"the limit is the bound and {BOUND_SLACK_BYTES // MIB} MiB; the others have no bound",
    )


def _flowed(subject: Subject, size: int) -> int:
    """Return by how many bytes a subject grows while ``size`` bytes flow through it."""
    identifier = batches.request_id(0)
    line_bytes = 200
    batch_lines = 900
    small = subject.with_settings(BUFFER_SIZE="8MiB", FLUSH="background")
    with small.running() as plane:
        plane.settle()
        plane.invoke(identifier)
        plane.post(batches.body([batches.start(identifier)]))
        before = memory(plane.pid).rss_bytes
        sent = 0
        while sent < size:
            first = sent // line_bytes
            lines = batches.lines(
                "print",
                count=batch_lines,
                line_bytes=line_bytes,
                identifier=identifier,
                first=first,
            )
            body = batches.body(lines)
            plane.post(body)
            sent += len(body)
        return memory(plane.pid).peak_bytes - before
