"""Try one function: invoke it in each way, and look in its sink until every line that must be kept is there."""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from attach.cloud.command import Aws
from extension.model.aws_targets import OWN_GROUP_PREFIX
from prove.account.invoking import Answer, invoke
from prove.account.reading import Reader
from prove.checking.answers import Seen
from prove.checking.compare import Kept, Verdict, judge, lines_of
from prove.plan.deployment import Planned
from prove.plan.ways import WAYS, Told
from show.model.entry import LINE_TYPE, REPORT_TYPE, Entry

EACH_S = 10.0
"""The most to wait after an invocation. What a broken environment still holds comes with the next invocation."""

POLL_S = 1.0
"""Between two looks. FilterLogEvents may be called five times a second, and four functions are tried at a time."""

PLATFORM = "platform."


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long a trial waits.

    Attributes:
        last_s: The most, after the last invocation, until every line is there.
        settle_s: After that, for copies that should not come.
    """

    last_s: float = 120.0
    settle_s: float = 5.0


class Result(NamedTuple):
    """What came of one function."""

    function: Planned
    verdicts: tuple[Verdict, ...] = ()
    seen: Seen | None = None
    problem: str = ""


@dataclass(slots=True)
class Trial:
    """The trial of one function.

    Attributes:
        answers: Of the invocations made.
        seconds: From each answer until all lines were there, by the invocation's number.
        early: Numbers of invocations whose report was there before the next one began.
    """

    aws: Aws
    reader: Reader
    function: Planned
    waits: Waits
    monotonic_s: Callable[[], float] = time.monotonic
    answers: dict[int, Answer] = field(default_factory=dict)
    answered_s: dict[int, float] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    early: set[int] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)

    def run(self) -> Result:
        """Invoke the function in each way, and judge what was kept."""
        for told in self.function.invocations:
            self.aws.tell(f"{told.label}: {told.way.text}")
            self.answers[told.number] = invoke(self.aws, told)
            self.answered_s[told.number] = self.monotonic_s()
            if self._must_keep(told):
                self._look_until([told], min(EACH_S, self.waits.last_s))
                if self._report_of(told):
                    self.early.add(told.number)
        self._finish()
        return Result(
            self.function, tuple(map(self._judged, self.function.invocations)), self._seen()
        )

    def _finish(self) -> None:
        self._look()
        must_keep = [told for told in self.function.invocations if self._must_keep(told)]
        if not self._are_there(must_keep):
            # An environment that is frozen with lines delivers them when it runs again.
            last = self.function.invocations[-1].number
            invoke(self.aws, Told(self.function.name, last + 1, WAYS["healthy"], lines_to_write=0))
            self._look_until(must_keep, self.waits.last_s)
        self.aws.sleep(self.waits.settle_s)
        self._look()

    def _look_until(self, told: Sequence[Told], timeout_s: float) -> None:
        started_s = self.monotonic_s()
        while True:
            self._look()
            if self._are_there(told) or self.monotonic_s() - started_s > timeout_s:
                return
            self.aws.sleep(POLL_S)

    def _look(self) -> None:
        self.entries = self.reader.entries(self.function)
        now_s = self.monotonic_s()
        for told in self.function.invocations:
            number = told.number
            is_open = number in self.answered_s and number not in self.seconds
            if is_open and set(told.lines) <= set(self._lines(told)):
                self.seconds[number] = now_s - self.answered_s[number]

    def _are_there(self, told: Sequence[Told]) -> bool:
        return all(one.number in self.seconds for one in told)

    def _must_keep(self, told: Told) -> bool:
        return told.way.fails or self.function.rate != "0"

    def _lines(self, told: Told) -> tuple[str, ...]:
        texts = (entry.text for entry in self.entries if entry.type == LINE_TYPE)
        return lines_of(texts, told)

    def _report_of(self, told: Told) -> bool:
        request_id = self.answers[told.number].went.request_id
        return any(one.type == REPORT_TYPE and one.request_id == request_id for one in self.entries)

    def _judged(self, told: Told) -> Verdict:
        answer = self.answers[told.number]
        kept = Kept(self._lines(told), self._reason_of(answer), self.seconds.get(told.number))
        return judge(told, answer.went, kept, rate=self.function.rate)

    def _reason_of(self, answer: Answer) -> str:
        request_id = answer.went.request_id
        reasons = (
            entry.text_of("reason")
            for entry in self.entries
            if request_id and entry.request_id == request_id
        )
        return next(filter(None, reasons), "")

    def _seen(self) -> Seen:
        kept = [told for told in self.function.invocations if self._report_of(told)]
        return Seen(
            function=self.function.name,
            platform=[
                (entry.type, entry.record)
                for entry in self.entries
                if entry.type.startswith(PLATFORM)
            ],
            streams=self._streams(),
            looks=self._looks(),
            reports=[told.number in self.early for told in kept if self._must_keep(told)],
            own_streams=self.reader.own_streams(self.function),
            sink=self.function.sink.key,
            log_api=self.function.sink.log_api,
        )

    def _streams(self) -> list[tuple[str, str]]:
        """Return, of each invocation that answered and was kept, Lambda's word for its log stream and the stream it is in."""
        found = []
        for told in self.function.invocations:
            lambdas = self.answers[told.number].stream
            stem = f"{told.stem} "
            ours = next((one.stream for one in self.entries if stem in one.text), "")
            if lambdas and ours:
                found.append((lambdas, ours.removeprefix(OWN_GROUP_PREFIX)))
        return found

    def _looks(self) -> list[tuple[str, str]]:
        """Return what invocations right after a reset found in /tmp: the mark's stream, and their own."""
        found = []
        told = self.function.invocations
        for before, after in itertools.pairwise(told):
            answer = self.answers[after.number]
            if before.way.breaks and answer.stream:
                label, _, stream = answer.before.rpartition(" ")
                found.append((stream if label == before.label else "", answer.stream))
        return found
