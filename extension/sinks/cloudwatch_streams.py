"""Choose the log stream of an environment's lines: its own, or one for all while its own cannot be made.

Of CreateLogStream, an account has 50 a second (AWS: CloudWatch Logs quotas). When a fleet of environments begins, or crashes, at
once, most of them are refused, and those that end with a crash have a second or two. So whoever is refused writes to the overflow
stream of the day, which one environment makes for all. It stays there for a time that is drawn, and then tries its own again.
"""

import os
from collections.abc import Callable, Mapping

from extension.model.chunk import Chunk, Metadata
from extension.sinks.stream_name import (
    MAX_NAME_CHARS,
    StreamName,
    keep_name,
    name_file,
    stream_name,
)

OVERFLOW = "overflow"
"""In the place of an environment's id."""

OVERFLOW_S = 600.0
"""The least time that an environment stays with the overflow stream, and half of the most: the end is drawn. So 10,000 environments
come back over ten minutes, with 17 CreateLogStream a second, and two thirds of the quota are left to others."""

SNAP_START = "snap-start"
"""AWS_LAMBDA_INITIALIZATION_TYPE where environments are copies of a snapshot (AWS: Lambda environment variables)."""


def _random() -> float:
    # The random module's state is the same in each copy of a snapshot.
    return int.from_bytes(os.urandom(4), "big") / 2**32


class Streams:
    """The streams of one environment.

    Attributes:
        name: of the stream to write to.
        is_overflow: whether that is the one for all.
    """

    _own = StreamName("")

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        wall_s: Callable[[], float],
        random: Callable[[], float] = _random,
        prefix: str = "",
    ) -> None:
        """Begin with an environment that is not known yet.

        ``random`` returns numbers in [0, 1). ``prefix`` stands before each name.
        """
        self._prefix = prefix
        self._environ = environ
        self._wall_s, self._random = wall_s, random
        self._environment_id = self._instance_id = self._version = ""
        self._overflow_until_s = 0.0
        self.name = ""
        self.is_overflow = False

    def begin(self, chunks: list[Chunk]) -> bool:
        """Choose the stream for a delivery; return whether the environment is another one than before, as after a snapshot."""
        now_s = self._wall_s()
        metadata = chunks[0].metadata
        told = (chunk.metadata.instance_id for chunk in reversed(chunks))
        instance_id = next(filter(None, told), "")
        is_another = metadata.environment_id != self._environment_id
        if is_another:
            self._environment_id, self._version = metadata.environment_id, metadata.version
            self._instance_id, self._overflow_until_s = "", 0.0
        if is_another or instance_id not in {"", self._instance_id}:
            self._instance_id = instance_id
            self._own = self._own_name(metadata, now_s)
        # A clock that was set back must not make it longer than it was drawn.
        self.is_overflow = 0.0 < self._overflow_until_s - now_s <= 2 * OVERFLOW_S
        self.name = self._overflow_name(now_s) if self.is_overflow else self._named(self._own.name)
        return is_another

    @property
    def is_new(self) -> bool:
        """Whether the stream is known to be missing. Others may have made the one for all."""
        return self._own.is_new and not self.is_overflow

    def made(self) -> None:
        """Note that the stream is there."""
        if not self.is_overflow:
            self._own = StreamName(self._own.name)

    def overflow(self) -> None:
        """Go to the overflow stream: the environment's own was refused."""
        now_s = self._wall_s()
        self._overflow_until_s = now_s + OVERFLOW_S * (1.0 + self._random())
        self.name, self.is_overflow = self._overflow_name(now_s), True

    def _overflow_name(self, now_s: float) -> str:
        return self._named(stream_name(OVERFLOW, version=self._version, at_s=now_s))

    def _named(self, name: str) -> str:
        return (self._prefix + name)[:MAX_NAME_CHARS]

    def _own_name(self, metadata: Metadata, now_s: float) -> StreamName:
        version, environment_id = metadata.version, metadata.environment_id
        name = stream_name(self._instance_id or environment_id, version=version, at_s=now_s)
        environ = self._environ
        if "AWS_LAMBDA_RUNTIME_API" not in environ:
            # Not in Lambda, where alone an environment outlives a process.
            return StreamName(name)
        return keep_name(
            name,
            path=name_file(
                environ.get("TMPDIR") or "/tmp",  # noqa: S108 - Lambda's; the file is opened with care
                function=environ.get("AWS_LAMBDA_FUNCTION_NAME") or metadata.function,
                version=version,
            ),
            environment_id=environment_id,
            is_known=bool(self._instance_id),
            is_copied=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == SNAP_START,
            at_s=now_s,
        )
