from extension.model.own_event import own_event
from extension.model.record import records_in


def test_own_event_belongs_to_no_invocation() -> None:
    """Readers sort events by their time, find duplicates by their id, and see the function that sent them."""
    chunk = own_event(
        "flightRecorder.check",
        {"message": "\ud800"},
        at_s=1_800_000_000.25,
        number=7,
        function="shop",
        version="3",
        environment_id="ab12",
        reason="check",
        instance_id="2026/11/30/[3]0123",
    )

    [record] = records_in([chunk])
    metadata = chunk.metadata
    assert (record.type, record.record) == ("flightRecorder.check", {"message": "?"})
    assert (record.time, record.id) == ("2027-01-15T08:00:00.250Z", "ab12-7")
    assert (metadata.function, metadata.version, metadata.reason) == ("shop", "3", "check")
    assert metadata.instance_id == "2026/11/30/[3]0123"
    assert (metadata.request_id, metadata.trace_id, metadata.failed) == ("", "", False)
