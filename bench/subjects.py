"""Name the subjects: the floor, the floor that keeps, the obvious way, the built layer and the layers beside it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.control_plane.plane import ControlPlane

FLOOR = "floor"
KEEPING = "floor that keeps"
OBVIOUS = "obvious"
LAYER = "layer"
COMPILED = "layer, compiled launcher"

MORE_ROUNDS = 6
"""Rounds of the layers alone where two are compared: a difference of a few percent takes more than three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One program and its command line.

    Attributes:
        name: as in the results.
        command: the program and its arguments.
        environ: all of its environment, without the variables that the control plane adds.
        is_layer: whether it is a built layer, however it is started.
        brings_python: whether it runs on an interpreter of its own.
        trusts: whether the authorities that come with it have the HTTPS sink's certificate.
    """

    name: str
    command: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)
    is_layer: bool = False
    brings_python: bool = False
    trusts: bool = False

    def with_settings(self, **settings: str) -> "Subject":
        """Return the subject with ``FLIGHT_RECORDER_...`` settings, which only the layer reads."""
        named = {f"FLIGHT_RECORDER_{name}": value for name, value in settings.items()}
        return replace(self, environ=self.environ | named)

    def with_words(self, *words: str) -> "Subject":
        """Return the subject with more words on its command line; the layer has settings instead."""
        return self if self.is_layer else replace(self, command=(*self.command, *words))

    def under(self, *command: str) -> "Subject":
        """Return the subject started by another program, such as a tracer."""
        return replace(self, command=(*command, *self.command))

    def with_https_sink(self, url: str, certificate: Path) -> "Subject":
        """Return the subject with an HTTPS sink; one that brings no authorities is given the sink's own."""
        named = {} if self.trusts else {"SSL_CERT_FILE": str(certificate)}
        return replace(self, environ=self.environ | named).with_settings(SINK=url)

    @contextmanager
    def running(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        freezes: bool = False,
        stop_at_next: bool = False,
        archives: bool = False,
    ) -> Iterator[ControlPlane]:
        """Start it, wait for its first Next, and kill it at the end.

        Args:
            environ: more of its environment.
            freezes: stop it after each Next.
            stop_at_next: stop it at the first Next only.
            archives: let the sink be ARCHIVE_SINK too.
        """
        with ControlPlane(freezes=freezes) as plane:
            plane.stop_at_next = stop_at_next
            plane.start(self.command, {**self.environ, **(environ or {})}, archives=archives)
            plane.wait_next()
            yield plane


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """All subjects of one run.

    Attributes:
        python: the interpreter, a copy.
        version: its version.
        subjects: by name.
        beside: names of the layers that are compared with the first one; they are subjects too.
        ways: more ways to start the layer, by name.
        brings_python: whether the layer runs on an interpreter of its own.
        quick: whether to do with few repetitions.
        scratch: a temporary folder.
        certificate: of the HTTPS sink, with its key; None where none can be made.
    """

    python: Path
    version: str
    subjects: dict[str, Subject]
    beside: tuple[str, ...]
    ways: dict[str, Subject]
    brings_python: bool
    quick: bool
    scratch: Path
    certificate: Path | None = None

    def times(self, full: int, quick: int) -> int:
        """Return how often to repeat a measurement."""
        return quick if self.quick else full

    def rounds(self, full: int, quick: int) -> Iterator[dict[str, Subject]]:
        """Yield all subjects for each repetition, and the layers alone for more where two are compared.

        Every other round is in reverse, so that a machine that slows down does so for both layers.
        """
        count = self.times(full, quick)
        more = self.times(MORE_ROUNDS, quick) if self.beside else 0
        for number in range(count + more):
            subjects = self.subjects if number < count else self.chosen(LAYER)
            yield dict(reversed(subjects.items())) if number % 2 else dict(subjects)

    def chosen(self, *names: str) -> dict[str, Subject]:
        """Return some of the subjects; with the layer come those beside it."""
        wanted = (*names, *(self.beside if LAYER in names else ()))
        return {name: self.subjects[name] for name in wanted}
