"""A function to try Flight Recorder on."""


def handler(event: dict[str, object], _context: object) -> None:
    """Write a line, and fail if the event asks for it."""
    print("got", event)
    if event.get("fail"):
        raise RuntimeError("everything above is delivered, whatever the sample rate")
