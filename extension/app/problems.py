"""Problems: tell what is wrong with the settings, and make records of what the log says. Loaded where there is a problem."""

import time
from collections.abc import Iterable, Mapping, Sequence

from extension import PREFIX
from extension.config.settings import Problem
from extension.diagnostics.log import OwnLog
from extension.model.chunk import WARNING, Chunk
from extension.model.own_event import own_event
from extension.model.record import WARNING_TYPE
from extension.recorder.metadata import MetadataSource


def record_of(event: str, fields: Mapping[str, object], metadata: MetadataSource) -> Chunk:
    """Make a record of a problem, as the log tells it. It holds no line, header, URL or secret, since the log holds none."""
    return own_event(
        WARNING_TYPE,
        {"level": "warning", "event": event, **fields},
        at_s=time.time(),
        number=metadata.number(),
        function=metadata.function,
        version=metadata.version,
        environment_id=metadata.environment_id,
        instance_id=metadata.instance_id,
        reason=WARNING,
    )


def report_problems(
    log: OwnLog, problems: Sequence[Problem], *, asking_for_otlp_json: Iterable[str]
) -> None:
    """Log values of settings that cannot be used, and variables whose sinks name OTLP in JSON."""
    for problem in problems:
        known = {"value": problem.value, "fault": problem.fault, "accepted": problem.accepted}
        log.once(
            "a setting cannot be used",
            variable=problem.variable,
            **{name: text for name, text in known.items() if text},
            used=problem.used,
        )
    for name in asking_for_otlp_json:
        log.once("OTLP is sent as protobuf; JSON is no longer written", variable=PREFIX + name)


def report_exemptions(log: OwnLog, environ: Mapping[str, str]) -> None:
    """Log what cannot be read of NO_PROXY."""
    # Imported here: this loads what only a delivery needs.
    from extension.transport.proxies import unreadable_exemptions

    if entries := unreadable_exemptions(environ):
        log.once(
            "entries of NO_PROXY cannot be read; they are left out",
            variable="NO_PROXY",
            entries=entries,
        )
