"""Plan a run: its functions, their layers and sinks, and what is left out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extension import PREFIX
from prove.plan.kinds import ARCHITECTURES, KINDS, LEFT_OUT, SINKS, Kind, Sink
from prove.plan.ways import Told, told_to, ways_of

NAME = "flight-recorder-prove-"
"""All that a run makes has a name that begins so."""

TAG = "flight-recorder-prove"
"""The key of the tag of all that a run makes and that takes tags; its value is the run's id."""

PYTHON_LAYER = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One function of a run.

    Attributes:
        layer: The layer that it has: ``python``, or the architecture of a standalone one.
        rate: The setting SAMPLE_RATE.
    """

    name: str
    kind: Kind
    architecture: str
    layer: str
    sink: Sink
    rate: str
    invocations: tuple[Told, ...]

    @property
    def kept_group(self) -> str:
        """The log group of the default sink."""
        return f"/flight-recorder/{self.name}"

    @property
    def own_group(self) -> str:
        """The log group that Lambda writes to."""
        return f"/aws/lambda/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for.

    Attributes:
        kinds: Keys of kinds.
        ways: Failing ways.
        timeout_s: Of the functions.
    """

    kinds: tuple[str, ...] = tuple(kind.key for kind in KINDS)
    architectures: tuple[str, ...] = ARCHITECTURES
    sinks: tuple[str, ...] = tuple(sink.key for sink in SINKS)
    ways: tuple[str, ...] = ()
    timeout_s: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What a run makes.

    Attributes:
        left_out: What it does not try, each with its reason.
    """

    id: str
    functions: tuple[Planned, ...]
    left_out: tuple[tuple[str, str], ...]
    timeout_s: int

    @property
    def prefix(self) -> str:
        """What all names begin with; the bucket's name is this alone."""
        return NAME + self.id

    @property
    def layers(self) -> list[str]:
        """The layers that its functions have."""
        return list(dict.fromkeys(one.layer for one in self.functions))

    @property
    def sinks(self) -> list[Sink]:
        """The sinks that its functions have; each has a role."""
        return list(dict.fromkeys(one.sink for one in self.functions))

    def role(self, sink: Sink) -> str:
        """Return the name of the role of all functions with a sink."""
        return f"{self.prefix}-{sink.key}"

    def variables(self, function: Planned) -> dict[str, str]:
        """Return a function's variables."""
        named = {
            "SINK": function.sink.url(self.prefix),
            "SAMPLE_RATE": function.rate,
            "PLATFORM_EVENTS": "all",
            "LOG_API": function.sink.log_api,
            # Healthy lines wait for a minute on their way to S3, and would be there after the end of the run.
            "LINGER": "0s",
        }
        return {PREFIX + name: text for name, text in named.items()}


def plan(
    run_id: str, wanted: Wanted, *, built: Sequence[str], refused_sinks: Mapping[str, str]
) -> Deployment:
    """Plan a run.

    Args:
        run_id: The run's id.
        wanted: What the command line asks for.
        built: The layers whose zips are there: ``python``, ``x86_64``, ``arm64``.
        refused_sinks: The sinks that this version of the layer does not have, with the reason.
    """
    prefix = NAME + run_id
    functions: list[Planned] = []
    left_out = [(f"a function in {name}", why) for name, why in LEFT_OUT]
    sinks = [one for one in SINKS if one.key in wanted.sinks and one.key not in refused_sinks]
    left_out += [
        (f"the sink {key}", why) for key, why in refused_sinks.items() if key in wanted.sinks
    ]
    for kind in (one for one in KINDS if one.key in wanted.kinds):
        for architecture in wanted.architectures:
            layer = PYTHON_LAYER if kind.is_python else architecture
            if layer in built:
                functions += _functions(prefix, kind, architecture, layer, sinks, wanted.ways)
            else:
                command = f"./build.sh layer --standalone --arch {layer}"
                build = "./build.sh layer" if layer == PYTHON_LAYER else command
                left_out.append(
                    (f"{kind.key} on {architecture}", f"its layer is not built: {build}")
                )
    return Deployment(
        id=run_id,
        functions=tuple(functions),
        left_out=tuple(left_out),
        timeout_s=wanted.timeout_s,
    )


def _functions(
    prefix: str,
    kind: Kind,
    architecture: str,
    layer: str,
    sinks: Sequence[Sink],
    ways: tuple[str, ...],
) -> list[Planned]:
    found = []
    for sink in sinks:
        # The draw is the same whatever the sink, so one function shows a rate of 1.
        for rate in ("0", "1") if sink == sinks[0] else ("0",):
            name = f"{prefix}-{kind.key}-{architecture}-{sink.key}-{rate}"
            invocations = tuple(told_to(name, ways_of(rate, ways)))
            found.append(
                Planned(
                    name=name,
                    kind=kind,
                    architecture=architecture,
                    layer=layer,
                    sink=sink,
                    rate=rate,
                    invocations=invocations,
                )
            )
    return found
