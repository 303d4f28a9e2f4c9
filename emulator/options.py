"""Hold the choices for one emulated environment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from emulator.machine.filesystem import RootFileSystem
from emulator.machine.frames import Line
from emulator.model.function import Function
from emulator.model.variations import Variations
from emulator.telemetry.batcher import DeliveryPolicy

Isolation = Literal["auto", "namespace", "relocated"]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Choices for one emulated environment; README.md has a line on each."""

    layers: Sequence[Path] = ()
    variations: Variations = field(default_factory=Variations)
    managed_instances: bool = False
    max_concurrency: int = 4
    isolation: Isolation = "auto"
    interpreter: Path | None = None
    runtime_client: Path | None = None
    node: Path | None = None
    root: RootFileSystem | None = None
    freeze: bool = True
    settle_ms: float = 0
    init_timeout_ms: float = 10_000
    shutdown_ms: int = 2_000
    delivery: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    environ: Mapping[str, str] = field(default_factory=dict)
    on_line: Callable[[Line], None] | None = None

    @property
    def initialization_type(self) -> str:
        """The platform's word for the environment, in variables and records."""
        if self.variations.snap_start:
            return "snap-start"
        return "lambda-managed-instances" if self.managed_instances else "on-demand"


def takes_keywords_of(
    make: Callable[P, T],
) -> Callable[[Callable[[Any, Function, T], None]], Callable[Concatenate[Any, Function, P], None]]:
    """Let a constructor that takes a value object be called with the object's keywords."""

    def decorate(
        construct: Callable[[Any, Function, T], None],
    ) -> Callable[Concatenate[Any, Function, P], None]:
        def keywords(self: Any, function: Function, /, *args: P.args, **kwargs: P.kwargs) -> None:
            construct(self, function, make(*args, **kwargs))

        return keywords

    return decorate
