"""Open the format that a receiver of HTTP requests reads."""

from extension.sinks.formats.base import Format


def format_named(kind: str) -> Format:
    """Gives the shape that a URL's scheme names before its ``+``; empty for newline-delimited JSON."""
    if kind == "loki":
        from extension.sinks.formats.loki import Loki

        return Loki()
    if kind == "splunk":
        from extension.sinks.formats.splunk import Splunk

        return Splunk()
    if kind == "elasticsearch":
        from extension.sinks.formats.elasticsearch import Elasticsearch

        return Elasticsearch()
    if kind == "datadog":
        from extension.sinks.formats.datadog import Datadog

        return Datadog()
    if kind == "logzio":
        from extension.sinks.formats.logzio import Logzio

        return Logzio()
    from extension.sinks.formats.ndjson import Array, Lines

    return Array() if kind == "json" else Lines()
