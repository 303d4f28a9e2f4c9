"""Work out the variables of a function, and check them as the extension does. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from attach.plan.model import Function, Wanted
from attach.plan.statements import kept_groups, shares_own_log_group
from extension import PREFIX
from extension.config.parsers import CLOUDWATCH_SCHEMES, RETENTION_DAYS, kind_of_sink
from extension.config.settings import (
    NEVER_REFERENCES,
    REFERENCE_FORMS,
    Problem,
    Settings,
    read_settings,
)
from extension.config.variables import SETTINGS
from extension.model.aws_targets import is_own_log_group, read_log_group
from whatif.model.problems import fault_text

MEMORY = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"

DEFAULT_RATE = "0.1"
DEFAULT_METRICS = "5m"
DEFAULT_FLEET = "flight-recorder"
"""As in all templates: metrics of each function cost more than most functions' logs (docs/metrics.md)."""

DEFAULT_RETENTION_DAYS = 30
"""Of log groups that the tool makes."""

NO_WAY = (
    "neither the sink nor the function's own log group takes the recorder's metrics to CloudWatch"
)
OFF = "metrics are off"

SINK, RATE, METRICS = f"{PREFIX}SINK", f"{PREFIX}SAMPLE_RATE", f"{PREFIX}METRICS"
FLEET = f"{PREFIX}METRICS_FLEET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """All variables of a function, with the layer.

    Attributes:
        all: the function's other variables too.
        settings: what the extension reads in them.
        problems: what it cannot use, in its words.
        references: settings whose values the extension fetches.
        no_alarms: why no alarm could ring; empty if alarms can.
        fleet: whose metrics the function shares; empty for metrics of its own, or none.
    """

    all: Mapping[str, str]
    settings: Settings
    problems: tuple[str, ...]
    references: tuple[str, ...]
    no_alarms: str
    fleet: str = ""


def with_recorder(function: Function, wanted: Wanted, *, denied: bool) -> Variables:
    """Return the function's variables with the recorder's among them.

    What the command line does not name stays as the function has it.

    Args:
        function: The function as it is.
        wanted: What is asked for.
        denied: Whether the function's own log group is going to be denied.
    """
    merged = {RATE: DEFAULT_RATE, METRICS: DEFAULT_METRICS, SINK: "cloudwatch:"}
    if METRICS not in function.variables:
        # A function that has metrics of its own keeps them, with their alarms.
        merged[FLEET] = DEFAULT_FLEET
    merged |= function.variables
    merged |= {PREFIX + name: text for name, text in wanted.settings.items()}
    named = merged[SINK].strip() or "cloudwatch:"
    is_shared = wanted.own_log_group == "share"
    if is_shared and kind_of_sink(named) == "cloudwatch":
        given = wanted.settings.get("SINK", "").strip()
        named = _shared(given or named, is_given=bool(given))
    merged[SINK] = _with_group(named, function)
    no_alarms = ""
    if denied and kind_of_sink(merged[SINK]) != "cloudwatch":
        no_alarms = NO_WAY
        merged[METRICS] = "off"
    elif merged[METRICS].strip().lower() == "off":
        no_alarms = OFF
    if no_alarms or not merged.get(FLEET, "").strip():
        merged.pop(FLEET, None)
    else:
        no_alarms = f"the metrics are those of the fleet {merged[FLEET]}, which has its own (docs/metrics.md)"
    settings, problems = read_settings(merged | {MEMORY: str(function.memory_mb)})
    return Variables(
        all=merged,
        settings=settings,
        problems=(
            *map(fault_text, problems),
            *_misplaced(function, settings, merged[SINK], is_shared=is_shared),
        ),
        references=tuple(sorted(_references(merged))),
        no_alarms=no_alarms,
        fleet=merged.get(FLEET, ""),
    )


def retention_days(text: str) -> int:
    """Return the retention of log groups that the tool makes; raise ValueError for one that CloudWatch does not offer."""
    return int(RETENTION_DAYS[RETENTION_DAYS.index(int(text))]) if text else DEFAULT_RETENTION_DAYS


def setting_problems(texts: Mapping[str, str]) -> list[Problem]:
    """Return what the extension cannot use of settings, whatever the function."""
    problems = read_settings({PREFIX + name: text for name, text in texts.items()})[1]
    # A function with more memory may use a larger buffer; it is checked with each function.
    return [one for one in problems if one.variable != f"{PREFIX}BUFFER_SIZE"]


def silent_with_deny(function: Function, settings: Settings) -> list[str]:
    """Return why the recorder would deliver nowhere, with the Deny."""
    if not settings.enabled:
        return ["ENABLED is false: with the Deny the function would log nowhere"]
    if kind_of_sink(settings.sinks[0].url) in {"stdout", "file"}:
        return [
            "the sink is the environment's own output or a file of it: with the Deny its lines would be nowhere"
        ]
    if function.log_group in kept_groups(function, settings) and not shares_own_log_group(settings):
        return [
            f"a sink is the function's own log group {function.log_group}: the Deny would be the recorder's too"
        ]
    return []


def shown_sink(url: str) -> str:
    """Return a sink as it may be shown: of an address, the host alone."""
    kind = kind_of_sink(url)
    if kind in {"cloudwatch", "s3", "firehose", "stdout", "file", *_reference_kinds()}:
        return url.partition("?")[0] if kind not in _reference_kinds() else f"{kind}: reference"
    scheme, _, rest = url.partition("://")
    host = rest.split("/", 1)[0].rpartition("@")[2].partition("?")[0]
    return f"{scheme}://{host}" if host else "(not shown)"


def _reference_kinds() -> set[str]:
    return {form.rstrip(":") for form in REFERENCE_FORMS}


def _shared(sink: str, *, is_given: bool) -> str:
    """Return a sink of CloudWatch Logs with `own+`. One that somebody names now with a group stays, and is a problem."""
    scheme, _, group = sink.partition(":")
    if is_own_log_group(sink) or (group and is_given):
        return sink
    return f"{scheme.lower().removesuffix('cloudwatch')}own+cloudwatch:"


def _misplaced(
    function: Function, settings: Settings, sink: str, *, is_shared: bool
) -> Iterator[str]:
    """Tell why lines would not be in the function's own log group, where they are to be."""
    if is_shared and not is_own_log_group(sink):
        yield (
            f"--own-log-group share wants the sink own+cloudwatch: or cloudwatch:, and it is {shown_sink(sink)}"
        )
    for variable, url, _ in settings.sinks:
        if is_own_log_group(url):
            group = read_log_group(url.partition(":")[2]).name or f"/aws/lambda/{function.name}"
            if group != function.log_group:
                yield f"{variable} is {shown_sink(url)}, and the function's own log group is {function.log_group}"


def _with_group(sink: str, function: Function) -> str:
    """Name the group of a sink that leaves it out, as the policy has to."""
    scheme = sink.removesuffix(":")
    if scheme.lower() in CLOUDWATCH_SCHEMES:
        is_own = is_own_log_group(f"{scheme}:")
        return f"{scheme}:{function.log_group if is_own else f'/flight-recorder/{function.name}'}"
    return sink


def _references(variables: Mapping[str, str]) -> list[str]:
    return [
        setting.name
        for setting in SETTINGS
        if setting.name not in NEVER_REFERENCES
        and variables.get(PREFIX + setting.name, "").strip().startswith(REFERENCE_FORMS)
    ]
