"""A receiver in the place of every HTTP intake and of AWS, which answers by the path or the action."""

from collections.abc import Mapping

from tests.doubles.http_server import Request
from tests.doubles.recording_receiver import Answer, RecordingReceiver, Reply

ANSWERS = {
    "/refuse": [405],
    "/deny": [403],
    "/hiccup": [500, 200],
    "/large": [413, 200],
    "/unreadable": [400, 200],
}
"""The statuses that a path answers with, in turn; the last one stays. Other paths answer 200."""

TAKEN = b'{"errors":false}'
"""What Elasticsearch says of a request that it has taken; others say it by the status."""


class Receiver(RecordingReceiver):
    """Answers without a Date: the extension would take its clock from there."""

    def __init__(self, *, answers: Mapping[str, bytes], hiccups: int = 0) -> None:
        """Take what is answered otherwise.

        Args:
            answers: bodies, each for the first request to an action of AWS's, or to a path.
            hiccups: how many of the first PutLogEvents get a 500.
        """
        self._first = dict(answers)
        self._hiccups = hiccups
        self._has_group = self._has_stream = False
        self._turns: dict[str, int] = {}
        super().__init__()

    def answer_to(self, request: Request) -> Answer:
        """Return the answer of the path or the action."""
        with self.changed:
            return self._answer_to(request.target, request.action)

    def _answer_to(self, path: str, action: str) -> Reply:
        is_missing = (action == "CreateLogStream" and not self._has_group) or (
            action == "PutLogEvents" and not self._has_stream
        )
        if is_missing:
            return Reply(400, b'{"__type":"ResourceNotFoundException"}')
        self._has_group |= action == "CreateLogGroup"
        self._has_stream |= action == "CreateLogStream"
        if action == "PutLogEvents" and self._hiccups:
            self._hiccups -= 1
            return Reply(500, b'{"__type":"ServiceUnavailableException"}')
        statuses = ANSWERS.get(path, [200])
        turn = self._turns.get(path, 0)
        self._turns[path] = turn + 1
        first = action if action in self._first else path
        answer = self._first.pop(first, b"" if path.endswith("/v1/logs") else TAKEN)
        return Reply(statuses[min(turn, len(statuses) - 1)], answer)
