import subprocess
import sys
from pathlib import Path

import pytest

from extension.model.ndjson import encode
from extension.sinks import open_sink
from extension.sinks.base import SinkConfig
from tests.doubles.extension.chunks import lines
from tests.doubles.scripted_server import ScriptedServer

ENVIRON = {
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_LAMBDA_FUNCTION_NAME": "shop",
}


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("cloudwatch:", "CloudWatchSink"),
        ("cloudwatch:/a/group", "CloudWatchSink"),
        ("s3://bucket/prefix", "S3Sink"),
        ("firehose:stream", "FirehoseSink"),
        ("otlp+https://127.0.0.1/", "OtlpSink"),
        ("otlp-json+http://127.0.0.1/", "OtlpSink"),
        ("stdout:", "StdoutSink"),
        ("file:/tmp/x", "FileSink"),
        ("FILE:/tmp/x", "FileSink"),
        ("http://127.0.0.1/", "HttpSink"),
        ("HTTPS://127.0.0.1/", "HttpSink"),
        ("json+https://127.0.0.1/", "HttpSink"),
        ("Loki+http://127.0.0.1/", "HttpSink"),
        ("splunk+https://127.0.0.1/", "HttpSink"),
        ("elasticsearch+https://127.0.0.1/", "HttpSink"),
        ("datadog+https://127.0.0.1/", "HttpSink"),
        ("logzio+https://127.0.0.1/", "HttpSink"),
    ],
)
def test_the_scheme_chooses_the_sink(url: str, kind: str) -> None:
    """SINK's scheme, in any case, names the kind of sink; none does anything until it is used."""
    sink = open_sink(SinkConfig(url, ENVIRON))

    assert type(sink).__name__ == kind
    sink.abort()
    sink.close()


@pytest.mark.parametrize("form", ["file:{}", "file://{}"])
def test_both_forms_of_a_file(tmp_path: Path, form: str) -> None:
    """A path may be written as such or as a URL."""
    path = tmp_path / "records"

    open_sink(SinkConfig(form.format(path), {})).send([lines("a")], timeout_s=1.0)

    assert path.read_bytes() == encode([lines("a")])


def test_headers_reach_the_http_sink() -> None:
    """SINK_HEADERS are handed on."""
    server = ScriptedServer()
    sink = open_sink(SinkConfig(server.url, {}, headers=(("X-Key", "1"),)))

    sink.send([lines("a")], timeout_s=5.0)
    sink.close()
    server.close()

    assert server.requests[-1].headers["x-key"] == "1"


def test_a_sink_that_needs_no_network_loads_none_of_it() -> None:
    """Imports are memory: a file needs no HTTP, and one shape not the others."""
    code = (
        "import sys\n"
        "from extension.sinks import open_sink\nfrom extension.sinks.base import SinkConfig\n"
        "open_sink(SinkConfig('file:/tmp/x', {}))\n"
        "assert 'httpx' not in sys.modules and 'extension.transport.client' not in sys.modules\n"
        "open_sink(SinkConfig('loki+http://127.0.0.1/', {}))\n"
        "print(*sorted(one for one in sys.modules if one.startswith('extension.sinks.formats.')))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert done.stdout == "extension.sinks.formats.base extension.sinks.formats.loki\n"
