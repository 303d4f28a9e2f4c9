"""Set up a sink for each intake, and read back what the intake stored."""

from extension.model.chunk import Chunk
from extension.model.receipt import Receipt
from extension.model.record import records_in
from extension.sinks.base import SinkConfig
from extension.sinks.formats import format_named
from extension.sinks.http import HttpSink
from tests.doubles.extension.chunks import STAMP, chunk, gap
from tests.doubles.lambda_events import event, line
from tests.services import intakes

WAIT_S = 5.0
KINDS = ["loki", "splunk", "elasticsearch", "datadog", "logzio"]
OBJECT = {"level": "ERROR", "message": "declined", "n": [1.5, None], "ü": {"a": "b"}}
AWKWARD = [
    "a plain line\n",
    '[ERROR]\tTraceback:\n\u00a0\u00a0File "/var/task/app.py"\n',
    "Grüße, ☃ und 🎈",
    'NUL \0, escape \x1b[31m, backslash \\, quote "',
    "",
    " ",
    '{"level":"INFO","message":"text that is JSON", "n": 1.50}',
    "the same",
    "the same",
    "x" * 300_000,
    "ü\0" * 100_000,
]
TOLD = STAMP._replace(
    weight=2.5, arn="arn:aws:lambda:eu-west-1:123456789012:function:shop", tenant_id="blue"
)
"""The metadata of the line that every intake is asked about."""


class Case:
    """One intake, and how a sink is set up for it."""

    def __init__(
        self, kind: str, intake: intakes.Intake, headers: dict[str, str], rest: str
    ) -> None:
        self.kind = kind
        self.intake = intake
        self.headers = headers
        self.rest = rest

    def config(self, *, rest: str | None = None, **headers: str) -> SinkConfig:
        """Return a sink's configuration, with another path and query or other headers where given."""
        url = f"{self.kind}+{self.intake.url}{self.rest if rest is None else rest}"
        return SinkConfig(url, {}, tuple({**self.headers, **headers}.items()))

    def send(self, chunks: list[Chunk], config: SinkConfig | None = None) -> Receipt:
        """Send chunks through a sink of their own."""
        sink = HttpSink(config or self.config())
        receipt = sink.send(chunks, timeout_s=WAIT_S)
        sink.close()
        return receipt


def case_of(kind: str) -> Case:
    """Open an intake."""
    cases: dict[str, tuple[type[intakes.Intake], dict[str, str], str]] = {
        "loki": (intakes.Loki, {}, ""),
        "splunk": (intakes.Splunk, {"Authorization": f"Splunk {intakes.Splunk.token}"}, "/"),
        "elasticsearch": (intakes.Elasticsearch, {}, "/logs-shop-prod"),
        "datadog": (intakes.Datadog, {"DD-API-KEY": intakes.Datadog.key}, ""),
        "logzio": (intakes.Logzio, {}, f"/?token={intakes.Logzio.token}&type=lambda"),
    }
    intake, headers, rest = cases[kind]
    return Case(kind, intake(), headers, rest)


def known(base: str) -> list[Chunk]:
    """Return chunks with every kind of record, of one time but for the last."""
    told = [line(text, time=base) for text in AWKWARD]
    told += [line(OBJECT, time=base), event("platform.report", {"status": "error"}, time=base)]
    return [chunk(told, first_number=70), gap(90), chunk([line("last", time="")], first_number=97)]


def written(chunks: list[Chunk]) -> dict[str, str]:
    """Return the texts that a reader should find, by id."""
    return {record.id: record.text for record in records_in(chunks)}


def found(stored: list[intakes.Stored]) -> dict[str, str]:
    """Return the texts that a reader finds, by id, with the parts of a line put together."""
    texts: dict[str, dict[int, str]] = {}
    for one in stored:
        part = int(one.fields.get("part", "1/1").partition("/")[0])
        assert part not in texts.setdefault(one.fields["id"], {})
        texts[one.fields["id"]][part] = one.line
    return {key: "".join(parts[n] for n in sorted(parts)) for key, parts in texts.items()}


def bodies(kind: str, chunks: list[Chunk]) -> list[bytes]:
    """Return the bodies of a format's requests."""
    format_ = format_named(kind, {})
    return [b"".join(format_.body(one)) for one in format_.requests(records_in(chunks), now_ns=0)]
