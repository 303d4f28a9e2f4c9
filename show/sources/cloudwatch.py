"""Read a log group of CloudWatch Logs, page by page, with ``aws logs filter-log-events``.

Promises: it reads no more than what is asked for. A list of failures reads the summaries alone; one invocation reads its
log stream around its times. What bounds cut off is said.

Assumes of AWS: a filter pattern in double quotes finds events that hold this text, and ``endTime`` is the last time that is
returned (CloudWatch Logs: "Filter pattern syntax", FilterLogEvents). A page may be empty although more follow.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from extension.sinks.cloudwatch_events import SUMMARY_TYPE
from show.model.entry import Entry
from show.model.errors import ShowError
from show.model.invocation import Invocation
from show.reading.entries import entry_of_message
from show.sources.command import Aws, AwsError
from show.sources.progress import Progress
from show.sources.span import Span

PAGE_EVENTS = 10_000
"""The most that a page may have (AWS: FilterLogEvents)."""

MAX_PAGES = 200
"""Of one search: 200 MB at most, as a page has 1 MB; a request a second, so three minutes."""

HISTORY_MS = 60 * 60 * 1000
"""How far before a failed invocation its history is looked for. Lambda ends an environment that is idle much sooner."""

REPORT_MS = 5 * 60 * 1000
"""How long after an invocation its report is looked for: Lambda tells it with the environment's next invocation at the latest."""

_WHOLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|1-[0-9a-f]{8}-[0-9a-f]{24}")
"""A request id or a trace id, as Lambda writes them. AWS does not say that a pattern finds the beginning of a word."""


class LogGroup:
    """A log group, within a span of time."""

    def __init__(self, group: str, span: Span, *, aws: Aws, progress: Progress) -> None:
        self.name = f"the log group {group}"
        self.notes: list[str] = []
        self._group = group
        self._span = span
        self._aws = aws
        self._progress = progress
        self._read = 0
        self._summaries: list[Entry] | None = None

    def summaries(self) -> Iterable[Entry]:
        """Return the summaries of the span."""
        if self._summaries is None:
            found = self._events(self._span, f'"{SUMMARY_TYPE}"')
            self._summaries = [entry for entry in found if entry.is_summary]
        return self._summaries

    def naming(self, text: str) -> Iterable[Entry]:
        """Return the entries that name an id; for what may be the beginning of one, all summaries."""
        return self._events(self._span, f'"{text}"') if _WHOLE.fullmatch(text) else self.summaries()

    def around(self, one: Invocation) -> Iterator[Entry]:
        """Yield all that is in an invocation's log stream around its times."""
        if one.place != self._group or not one.stream:
            return iter(())
        span = Span(max(one.first_ms - HISTORY_MS, 0), one.last_ms + REPORT_MS)
        return self._events(span, "", stream=one.stream)

    def _events(self, span: Span, pattern: str, *, stream: str = "") -> Iterator[Entry]:
        token = ""
        for page_number in range(1, MAX_PAGES + 1):
            answer = self._page(span, pattern, stream, token)
            events = answer.get("events")
            for event in events if isinstance(events, list) else []:
                self._read += 1
                yield entry_of_message(
                    str(event.get("message", "")),
                    place=self._group,
                    stream=str(event.get("logStreamName", "")),
                    at_ms=int(event.get("timestamp", 0)),
                    order=self._read,
                    key=str(event["eventId"]) if event.get("eventId") else None,
                )
            token = str(answer.get("nextToken") or "")
            if not token:
                return
            self._progress.tell(f"{self.name}: {self._read:,} events in {page_number} pages")
        self.notes.append(
            f"The search in {self.name} stopped after {MAX_PAGES} pages: choose a shorter time with --since."
        )

    def _page(self, span: Span, pattern: str, stream: str, token: str) -> dict[str, object]:
        words: Sequence[str] = [
            *("--log-group-name", self._group, "--no-paginate", "--limit", str(PAGE_EVENTS)),
            *("--start-time", str(span.begin_ms), "--end-time", str(span.end_ms)),
        ]
        # JSON, because a stream's name has brackets, and a pattern quotes.
        given = {
            "filterPattern": pattern,
            "logStreamNames": [stream] if stream else [],
            "nextToken": token,
        }
        told = json.dumps({name: value for name, value in given.items() if value})
        try:
            return self._aws.call("logs", "filter-log-events", *words, "--cli-input-json", told)
        except AwsError as error:
            raise self._explained(error) from None

    def _explained(self, error: AwsError) -> ShowError:
        if error.code == "ResourceNotFoundException":
            return ShowError(
                f"there is no log group {self._group} in {self._aws.region}: name another --region, or see"
                " `aws logs describe-log-groups --log-group-name-prefix /flight-recorder/`"
            )
        if error.code.startswith("AccessDenied"):
            return ShowError(
                f"these credentials may not read {self.name}: allow logs:FilterLogEvents on it"
            )
        return error
