"""Where kept records go: one small module a kind, behind one seam, chosen by the scheme of SINK.

A sink is handed chunks and says what became of them; it keeps no state that matters and never raises for what the
other side does. It runs on a delivery thread, so it may block, but no longer than it is told to. Its module is
imported when it is opened, after the first ``/event/next``: httpx alone takes longer than all the rest of start-up.
"""

from extension.sinks.base import Sink, SinkConfig


def open_sink(config: SinkConfig) -> Sink:  # noqa: PLR0911 - one a scheme
    """Opens a sink.

    Raises:
        OSError: it cannot be opened; to be tried again with the next delivery.
    """
    scheme, _, rest = config.url.partition(":")
    scheme = scheme.lower()
    if scheme in {"cloudwatch", "records+cloudwatch"}:
        from extension.sinks.cloudwatch import CloudWatchSink

        return CloudWatchSink(config, group=rest, as_records=scheme != "cloudwatch")
    if scheme == "s3":
        from extension.sinks.s3 import S3Sink

        return S3Sink(config)
    if scheme == "firehose":
        from extension.sinks.firehose import FirehoseSink

        return FirehoseSink(config, stream=rest)
    if scheme.startswith("otlp"):
        from extension.sinks.otlp.sink import OtlpSink

        return OtlpSink(config)
    if scheme == "file":
        from extension.sinks.local import FileSink

        return FileSink(rest.removeprefix("//"))
    if scheme == "stdout":
        from extension.sinks.local import StdoutSink

        return StdoutSink()
    from extension.sinks.http import HttpSink

    return HttpSink(config)
