"""Open the sinks that settings name, each with a worker of its own."""

import gc
from collections.abc import Callable, Mapping
from functools import partial

from extension.config.parsers import kind_of_sink
from extension.config.settings import Settings
from extension.delivery.worker import SinkWorker
from extension.sinks import open_sink
from extension.sinks.base import Sink, SinkConfig


class Sinks:
    """The sinks that settings ask for, and the threads that take things there."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._configs = self._configs_of(settings)
        self.workers: dict[str, SinkWorker] = {}

    def start(self, name: str, *, prepare: Callable[[], None] | None = None) -> SinkWorker | None:
        """Starts the worker of one sink, if it is set."""
        config = self._configs[name]
        if not config.url:
            return None
        worker = SinkWorker(partial(open_permanently, config), prepare=prepare)
        worker.start()
        self.workers[name] = worker
        return worker

    def apply(self, settings: Settings) -> None:
        """Lets workers take what comes next elsewhere, where the settings have changed."""
        configs = self._configs_of(settings)
        for name, worker in self.workers.items():
            if configs[name] != self._configs[name] and configs[name].url:
                worker.change(partial(open_sink, configs[name]))
        self._configs = configs

    @property
    def schemes(self) -> dict[str, str]:
        """The kind of each sink that is set, by variable."""
        return {name: kind_of_sink(self._configs[name].url) for name in self.workers}

    @property
    def asking_for_otlp_json(self) -> list[str]:
        """The variables whose sinks name OTLP in JSON, which is sent as protobuf."""
        urls = {name: config.url.lower() for name, config in self._configs.items()}
        return [name for name, url in urls.items() if url.startswith("otlp-json+")]

    def _configs_of(self, settings: Settings) -> dict[str, SinkConfig]:
        given = {
            "SINK": (settings.sink, settings.sink_headers),
            "FALLBACK_SINK": (settings.fallback_sink, settings.fallback_sink_headers),
            "ARCHIVE_SINK": (settings.archive_sink, settings.archive_sink_headers),
        }
        return {
            name: SinkConfig(
                url or ("cloudwatch:" if name in settings.unresolved else ""),
                self._environ,
                headers,
                settings.retention_days,
            )
            for name, (url, headers) in given.items()
        }


def open_permanently(config: SinkConfig) -> Sink:
    """Opens a sink, and exempts all that has been loaded by then from garbage collection: none of it will go."""
    sink = open_sink(config)
    gc.freeze()
    return sink
