"""Open the sinks that settings name, each with a worker of its own."""

import gc
from collections.abc import Mapping
from functools import partial

from extension.config.parsers import kind_of_sink
from extension.config.settings import SINK_TO_COME, Settings
from extension.delivery.worker import SinkWorker
from extension.sinks import open_sink
from extension.sinks.base import Sink, SinkConfig


class Sinks:
    """The sinks that are set, each with the worker that delivers to it."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._configs = self._configs_of(settings)
        self.workers: dict[str, SinkWorker] = {}

    def worker_for(self, name: str) -> SinkWorker | None:
        """Make the worker of one sink, if it is set, or may be by a reference."""
        config = self._configs[name]
        if not config.url:
            return None
        worker = self.workers[name] = SinkWorker(partial(open_permanently, config))
        return worker

    def apply(self, settings: Settings) -> list[str]:
        """Give each worker its new sink, where the settings of the sink have changed.

        Return the sinks that were to come by a reference, and are not set now that it is known.
        """
        before, self._configs = self._configs, self._configs_of(settings)
        forgotten = []
        for name, worker in self.workers.items():
            config = self._configs[name]
            if config.url and config != before[name]:
                worker.change(partial(open_sink, config))
            elif not config.url and before[name].url == SINK_TO_COME:
                forgotten.append(name)
        return forgotten

    @property
    def schemes(self) -> dict[str, str]:
        """Return the kind of each sink that is set, or to come, by variable."""
        urls = {name: self._configs[name].url for name in self.workers}
        return {name: kind_of_sink(url) for name, url in urls.items() if url}

    @property
    def asking_for_otlp_json(self) -> list[str]:
        """The variables whose sinks name OTLP in JSON, which is sent as protobuf."""
        urls = {name: config.url.lower() for name, config in self._configs.items()}
        return [name for name, url in urls.items() if url.startswith("otlp-json+")]

    def _configs_of(self, settings: Settings) -> dict[str, SinkConfig]:
        return {
            sink.variable: SinkConfig(
                sink.url or (SINK_TO_COME if sink.variable in settings.unresolved else ""),
                self._environ,
                sink.headers,
                settings.retention_days,
            )
            for sink in settings.sinks
        }


def open_permanently(config: SinkConfig) -> Sink:
    """Open a sink, and exempt all objects loaded by then from garbage collection: they live as long as the process."""
    gc.disable()
    try:
        return open_sink(config)
    finally:
        gc.freeze()
        gc.enable()
