"""Open the sink that a URL names by its scheme.

A sink sends chunks to one destination and returns a receipt. It keeps no state that matters, and raises nothing for
an answer of the destination. Sinks run on a delivery thread, so they may block, but only within their time-out. A
sink's module is imported when the sink is opened, after the first ``/event/next``: importing httpx takes longer than
the rest of start-up.
"""

from importlib import import_module

from extension.sinks.base import Sink, SinkConfig

SINKS = {
    "cloudwatch": "cloudwatch.CloudWatchSink",
    "records+cloudwatch": "cloudwatch.CloudWatchSink",
    "own+cloudwatch": "cloudwatch.CloudWatchSink",
    "records+own+cloudwatch": "cloudwatch.CloudWatchSink",
    "s3": "s3.S3Sink",
    "firehose": "firehose.FirehoseSink",
    "file": "local.FileSink",
    "stdout": "local.StdoutSink",
    "unusable": "local.UnusableSink",
}
"""Module and class of each scheme, below this package. Every other scheme is one of HTTP."""

HTTP = "http.HttpSink"


def open_sink(config: SinkConfig) -> Sink:
    """Open a sink.

    Raises:
        OSError: the sink cannot be opened now; the next delivery tries again.
    """
    scheme = config.url.partition(":")[0].lower()
    module, _, name = SINKS.get(scheme, HTTP).partition(".")
    sink: Sink = getattr(import_module(f"{__name__}.{module}"), name)(config)
    return sink
