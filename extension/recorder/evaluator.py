"""Evaluate the sampling policies for one invocation.

Pure: times are those of Lambda's events. :mod:`extension.sampling.verdict` decides; this module puts to it what the settings
ask and what is known of the invocation.
"""

from typing import TYPE_CHECKING

from extension.config.settings import Settings
from extension.diagnostics.account import Account
from extension.levels.level import Level
from extension.model.segment import Segment
from extension.model.timestamps import epoch_ns
from extension.parsing.line import LineFacts
from extension.recorder.invocation import Invocation
from extension.recorder.metadata import MetadataSource
from extension.sampling import probability, verdict
from extension.sampling.policies import Signs, policies_of
from extension.sampling.verdict import FLOOD, Rates, Verdict

if TYPE_CHECKING:
    from extension.sampling.by_level import Weighed
    from extension.sampling.rate_limits import Ceiling, Floor


class PolicyEvaluator:
    """Decide by the settings of one environment, whose id stands in for a missing request id.

    ``keeps_all`` tells whether the rates keep every invocation, however it ends.
    """

    def __init__(self, settings: Settings, *, account: Account, metadata: MetadataSource) -> None:
        self._account = account
        self._metadata = metadata
        self._floor: Floor | None = None
        self._ceiling: Ceiling | None = None
        self._withheld_invocations = self._withheld_lines = 0
        self.apply(settings)

    def apply(self, settings: Settings) -> None:
        """Apply settings, the first ones or changed ones, to every decision from now on."""
        self._policies = policies_of(settings)
        self._rates = Rates(
            settings.sample_rate,
            {
                Level.TRACE: settings.sample_rate_trace,
                Level.DEBUG: settings.sample_rate_debug,
                Level.INFO: settings.sample_rate_info,
                Level.WARN: settings.sample_rate_warn,
            },
        )
        self.keeps_all = self._rates.least >= 1.0
        # Loaded only where one is set. A pace that stays the same goes on where it was.
        floor, ceiling = settings.keep_at_least, settings.keep_at_most
        if floor is None:
            self._floor = None
        elif self._floor is None or floor != self._floor.pace:
            from extension.sampling.rate_limits import Floor

            self._floor = Floor(floor)
        if ceiling is None:
            self._ceiling = None
        elif self._ceiling is None or ceiling != self._ceiling.pace:
            from extension.sampling.rate_limits import Ceiling

            self._ceiling = Ceiling(ceiling)

    def decide(
        self, invocation: Invocation, *, ended: bool = True, reported: bool = False
    ) -> Verdict | None:
        """Decide on an invocation, as :func:`extension.sampling.verdict.decide` does. Init has no report to wait for."""
        floor = self._floor
        return verdict.decide(
            failure=invocation.failure,
            signs=invocation.signs,
            policies=self._policies,
            ended=ended,
            reported=reported or invocation.is_init,
            floor_is_due=floor is not None
            and not invocation.is_init
            and floor.is_due(now_ms(invocation)),
            randomness=lambda: self._randomness_of(invocation),
            rates=self._rates,
        )

    def decide_alone(self, facts: LineFacts, name: str) -> Verdict | None:
        """Decide on a line of no invocation: a transaction of its own, called ``name``."""
        return verdict.decide(
            failure=facts.failure,
            signs=Signs(),
            policies=(),
            ended=True,
            reported=True,
            floor_is_due=False,
            randomness=lambda: probability.randomness_of(trace_id="", request_id=name),
            rates=Rates(self._rates.of(facts.level), {}),
        )

    def kept(self, invocation: Invocation) -> None:
        """Count a kept healthy invocation for KEEP_AT_LEAST."""
        if self._floor is not None:
            self._floor.kept(now_ms(invocation))

    def draw(
        self, invocation: Invocation, segments: list[Segment], *, weight: float
    ) -> "tuple[Weighed, list[Segment]]":
        """Split an invocation's segments into the lines whose level is sampled in, and the rest."""
        # Loaded only where levels have rates of their own.
        from extension.sampling.by_level import draw

        randomness, rates = self._randomness_of(invocation), self._rates
        return draw(
            segments,
            weigh=lambda level: rates.weight_of(level, randomness=randomness),
            weight=weight,
            level_in=self._metadata.level_in,
        )

    def admit(self, invocation: Invocation) -> None:
        """Decide whether a failed invocation is delivered whole, or only its error lines are."""
        if self._ceiling is None or invocation.is_init:
            return
        if not self._ceiling.admits(now_ms(invocation)):
            invocation.withheld_lines = 0
            self._withheld_invocations += 1
        elif self._withheld_invocations:
            invocation.flood = self._withheld_invocations, self._withheld_lines
            self._withheld_invocations = self._withheld_lines = 0

    def hold_back(self, invocation: Invocation, segments: list[Segment]) -> list[Segment]:
        """Return what is delivered of a withheld invocation, and count the rest."""
        from extension.sampling.by_level import error_lines

        segments, lines = error_lines(segments)
        self._account.drop(FLOOD, lines)
        invocation.withheld_lines = (invocation.withheld_lines or 0) + lines
        self._withheld_lines += lines
        return segments

    def _randomness_of(self, invocation: Invocation) -> int:
        return probability.randomness_of(
            correlation_id=invocation.correlation_id,
            trace_id=invocation.trace_id,
            request_id=invocation.request_id or self._metadata.environment_id,
        )


def now_ms(invocation: Invocation) -> int:
    """Return the time of an invocation's last event, in milliseconds since 1970; 0 if unknown."""
    at_ns = epoch_ns(invocation.last_time)
    return 0 if at_ns is None else at_ns // 1_000_000
