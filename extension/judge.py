"""Who asks for a verdict: the rules, rates and floor in force, put to what is known of an invocation.

Pure: times are those of Lambda's events. What is decided of which facts is in :mod:`extension.verdict`.
"""

from collections.abc import Callable

from . import sampling, verdict
from .config import Settings
from .invocation import Invocation
from .kept import epoch_ns
from .levels import Level
from .lines import LineFacts
from .rules import Floor, Rule, Signs, rules_of
from .verdict import Rates, Verdict


class Judge:
    """Decides, by the settings of one environment.

    Attributes:
        environment_id: stands in for the request id, for the draw of what no invocation wrote.
    """

    __slots__ = ("_floor", "_rates", "_rules", "environment_id")

    def __init__(self, settings: Settings, *, environment_id: str = "") -> None:
        self.environment_id = environment_id
        self._floor = Floor()
        self._rules: tuple[Rule, ...] = ()
        self.apply(settings)

    def apply(self, settings: Settings) -> None:
        """Takes settings, at first or when they have changed, for every decision from now on."""
        self._rules = rules_of(settings)
        self._rates = Rates(
            settings.sample_rate,
            {
                Level.TRACE: settings.sample_rate_trace,
                Level.DEBUG: settings.sample_rate_debug,
                Level.INFO: settings.sample_rate_info,
                Level.WARN: settings.sample_rate_warn,
            },
        )
        self._floor.apply(settings.keep_at_least)

    def decide(self, invocation: Invocation, *, reported: bool = False) -> Verdict | None:
        """Decides on an invocation, or gives None while it is too early.

        Args:
            invocation: as far as it is known. Init has no report to wait for.
            reported: whether nothing more is to be learned of it, whatever it says itself.
        """
        return verdict.decide(
            failure=invocation.failure,
            signs=invocation.signs,
            rules=self._rules,
            ended=invocation.ended,
            reported=reported or invocation.reported or invocation.is_init,
            floor_is_due=not invocation.is_init and self._floor.is_due(now_ms(invocation)),
            randomness=self._randomness_of(invocation),
            rates=self._rates,
        )

    def decide_alone(self, facts: LineFacts, name: str) -> Verdict | None:
        """Decides on a line that belongs to no invocation: it is a transaction of its own, called ``name``."""
        return verdict.decide(
            failure=facts.failure,
            signs=Signs(),
            rules=(),
            ended=True,
            reported=True,
            floor_is_due=False,
            randomness=sampling.randomness_of(trace_id="", request_id=name),
            rates=Rates(self._rates.of(facts.level)),
        )

    def kept(self, invocation: Invocation) -> None:
        """Takes note that a healthy invocation is kept, for KEEP_AT_LEAST."""
        self._floor.kept(now_ms(invocation))

    def weigher(self, invocation: Invocation) -> Callable[[Level | None], float]:
        """Gives what tells, of a line's level, what the line stands for; 0 if it is not kept."""
        randomness = self._randomness_of(invocation)
        return lambda level: self._rates.weight_of(level, randomness=randomness)

    def _randomness_of(self, invocation: Invocation) -> int:
        return sampling.randomness_of(
            correlation_id=invocation.correlation_id,
            trace_id=invocation.trace_id,
            request_id=invocation.request_id or self.environment_id,
        )


def now_ms(invocation: Invocation) -> int:
    """Gives the time of what is known last of an invocation, by Lambda's clock."""
    at_ns = epoch_ns(invocation.last_time)
    return 0 if at_ns is None else at_ns // 1_000_000
