"""Define the kinds of functions and of sinks that a run tries. Pure."""

from typing import NamedTuple

ARCHITECTURES = ("x86_64", "arm64")


class Kind(NamedTuple):
    """One kind of function, whose code needs no build.

    Attributes:
        key: The name of its folder in ``functions/``.
        runtime: Lambda's name of its runtime.
        handler: As Lambda is told.
        memory_mb: Its memory: the least with which its runtime starts in good time.
        is_python: Whether the layer for Python serves it; the others need a standalone layer.
    """

    key: str
    runtime: str
    handler: str
    memory_mb: int
    is_python: bool = False


KINDS = (
    Kind("python", "python3.13", "app.handler", 128, is_python=True),
    Kind("nodejs", "nodejs22.x", "app.handler", 256),
    Kind("ruby", "ruby3.4", "app.handler", 256),
    Kind("bash", "provided.al2023", "bootstrap", 128),
)

LEFT_OUT = (
    ("java", "its code needs a build; the local Lambda runs it in ./build.sh test"),
    ("dotnet", "its code needs a build"),
    ("go, rust", "their code needs a build, and runs on provided.al2023 as bash does"),
)
"""The kinds that no run tries, each with its reason."""


class Sink(NamedTuple):
    """One kind of sink.

    Attributes:
        key: Its name in the names of functions.
        log_api: The setting LOG_API: one sink has the other API of Lambda, so that both are tried.
    """

    key: str
    log_api: str = "auto"

    def url(self, prefix: str) -> str:
        """Return the setting SINK in a run with this prefix."""
        return {
            "cloudwatch": "cloudwatch:",
            "s3": f"s3://{prefix}/kept",
            "own": "own+cloudwatch:",
        }[self.key]


SINKS = (Sink("cloudwatch"), Sink("s3", "telemetry"), Sink("own"))


def find_kind(key: str) -> Kind:
    """Return the kind with this key."""
    return next(kind for kind in KINDS if kind.key == key)
