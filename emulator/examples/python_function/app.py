"""A function to begin with."""


def handler(event: float, _context: object) -> float:
    """Write two lines, and fail if the event is 0."""
    print("one")
    print("two")
    return 1 / event
