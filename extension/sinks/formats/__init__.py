"""Choose the format of requests that an HTTP receiver reads."""

from collections.abc import Mapping
from importlib import import_module

from extension.sinks.formats.base import Format

FORMATS = {
    "": "formats.ndjson.Lines",
    "json": "formats.ndjson.Array",
    "loki": "formats.loki.Loki",
    "splunk": "formats.splunk.Splunk",
    "elasticsearch": "formats.elasticsearch.Elasticsearch",
    "datadog": "formats.datadog.Datadog",
    "logzio": "formats.logzio.Logzio",
    "otlp": "otlp.format.Otlp",
    "otlp-json": "otlp.format.Otlp",
}
"""Module and class, below ``extension.sinks``, by the word before a URL's ``+``. Settings that ask for OTLP in JSON
stay valid; protobuf, which every OTLP receiver reads, is sent for them."""


def format_named(word: str, environ: Mapping[str, str]) -> Format:
    """Open the format that a URL's scheme names before its ``+``.

    Args:
        word: in lower case; empty for newline-delimited JSON.
        environ: the process's environment, for formats that say where records come from.

    Raises:
        KeyError: no format has this name.
    """
    module, _, name = FORMATS[word].rpartition(".")
    named: Format = getattr(import_module(f"extension.sinks.{module}"), name)(environ)
    return named
