"""What a queue holds, which only its deliveries tell in Lambda."""

from extension.delivery.queue import SendingQueue
from extension.model.chunk import Chunk


def chunks_in(queue: SendingQueue) -> list[Chunk]:
    """Return the chunks under way, and those that wait."""
    under_way = queue._under_way.chunks if queue._under_way is not None else []
    return [*under_way, *queue._waiting()]


def lines_in(*queues: SendingQueue | None) -> int:
    """Return the lines that wait or are under way; a queue that is not set has none."""
    return sum(chunk.lines for queue in queues if queue is not None for chunk in chunks_in(queue))
