"""Who asks for a verdict: the rules, rates and floor in force, put to what is known of an invocation.

Pure: times are those of Lambda's events. What is decided of which facts is in :mod:`extension.sampling.verdict`.
"""

from collections.abc import Callable

from extension.config.parsers import Pace
from extension.config.settings import Settings
from extension.diagnostics.account import Account
from extension.model.levels import Level
from extension.model.segment import Segment
from extension.model.timestamps import epoch_ns
from extension.parsing.line import LineFacts
from extension.recorder.invocation import Invocation
from extension.sampling import probability, verdict
from extension.sampling.by_level import error_lines
from extension.sampling.policies import Policy, Signs, policies_of
from extension.sampling.rate_limits import Ceiling, Floor
from extension.sampling.verdict import FLOOD, Rates, Verdict


class PolicyEvaluator:
    """Decides, by the settings of one environment.

    Attributes:
        environment_id: stands in for the request id, for the draw of what no invocation wrote.
    """

    __slots__ = ("_floor", "_rates", "_rules", "environment_id")

    def __init__(self, settings: Settings, *, environment_id: str = "") -> None:
        self.environment_id = environment_id
        self._floor = Floor()
        self._rules: tuple[Policy, ...] = ()
        self.apply(settings)

    def apply(self, settings: Settings) -> None:
        """Takes settings, at first or when they have changed, for every decision from now on."""
        self._rules = policies_of(settings)
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
            randomness=probability.randomness_of(trace_id="", request_id=name),
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
        return probability.randomness_of(
            correlation_id=invocation.correlation_id,
            trace_id=invocation.trace_id,
            request_id=invocation.request_id or self.environment_id,
        )


def now_ms(invocation: Invocation) -> int:
    """Gives the time of what is known last of an invocation, by Lambda's clock."""
    at_ns = epoch_ns(invocation.last_time)
    return 0 if at_ns is None else at_ns // 1_000_000


class Flood:
    """The ceiling of one environment, and what it has held back since it was last below it."""

    __slots__ = ("_account", "_ceiling", "_invocations", "_lines", "_pace")

    def __init__(self, account: Account) -> None:
        self._account = account
        self._pace: Pace | None = None
        self._ceiling: Ceiling | None = None
        self._invocations = self._lines = 0

    def apply(self, pace: Pace | None) -> None:
        """Takes KEEP_AT_MOST, at first or when it may have changed."""
        if pace != self._pace:
            self._pace = pace
            self._ceiling = Ceiling(pace) if pace is not None else None

    def admit(self, invocation: Invocation, *, now_ms: int) -> None:
        """Decides whether a failed invocation goes whole."""
        if self._ceiling is None or invocation.is_init:
            return
        if not self._ceiling.admits(now_ms):
            invocation.is_withheld = True
            self._invocations += 1
        elif self._invocations:
            invocation.flood = (self._invocations, self._lines)
            self._invocations = self._lines = 0

    def hold_back(self, invocation: Invocation, segments: list[Segment]) -> list[Segment]:
        """Gives what goes all the same, and counts what does not."""
        segments, lines = error_lines(segments)
        self._account.drop(FLOOD, lines)
        invocation.withheld_lines += lines
        self._lines += lines
        return segments
