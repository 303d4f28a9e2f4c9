"""Define the variations: switches for behaviour that differs from one Lambda environment to the next.

AWS documents each as possible, or extensions have met it in the field, or it is a fault that an extension must survive.
With none set, the emulator behaves as the common case in the cloud.
"""

from dataclasses import dataclass
from typing import Literal

Garbage = Literal["non_json", "non_utf8", "empty_array", "huge", "unknown_types", "truncated"]
GARBAGE_KINDS: tuple[Garbage, ...] = (
    "non_json",
    "non_utf8",
    "empty_array",
    "huge",
    "unknown_types",
    "truncated",
)


@dataclass(frozen=True, slots=True)
class Variations:
    """Switches; all off by default.

    Attributes:
        report: ``"next"``: platform.report comes with the next invocation or at shutdown, as in the cloud.
            ``"at_once"``: it is delivered before the environment freezes.
        lines_after_runtime_done: Function lines are held back until runtimeDone has been delivered.
        runtime_done_before_invoke: runtimeDone is delivered before an extension gets its INVOKE event.
        duplicate_batches: Each batch is delivered twice, as after a 200 that got lost.
        merge_invocations: Batches go out once this many invocations are in them (0: by the usual bounds).
        garbage: Kinds of broken batch, one sent before each real batch, in turn.
        missing_tracing: INVOKE events and records carry no ``tracing``.
        missing_instance_id: Records of the beginning of init, and of a restore, carry no ``instanceId``.
        upper_case_shutdown_reason: ``SPINDOWN`` in place of ``spindown``.
        microsecond_timestamps: Event times with six digits.
        same_request_id: Every invocation has this request id (a retried asynchronous event has).
        logs_not_supported, telemetry_not_supported: The subscription answers 202 with an error body.
        logs_subscribe_status, telemetry_subscribe_status: A status the subscription answers with.
        subscribe_refusals: How many subscriptions get that status (0: all).
        register_refusals: How many register calls are refused.
        register_refusal_status: The status of a refused register call.
        unknown_event: The first event after init is of an unknown type.
        report_status: ``"as_ended"``: platform.report has the invocation's status. ``"absent"``: it has no status.
            Any other word is the status.
        snap_start: Init has the type ``snap-start``, and the environment is frozen behind it. A restore comes before the
            first invocation, with its calls and events. No snapshot is taken: the processes go on, and there is one copy.
        durable: The runtime's version is that of a durable function. The durable executions' service is not there.
        tenant_id: Each invocation is this tenant's, as its platform records tell.
        handler_error_in_report: A handler exception makes platform.report's status ``error`` also for ordinary functions.
    """

    report: Literal["next", "at_once"] = "next"
    lines_after_runtime_done: bool = False
    runtime_done_before_invoke: bool = False
    duplicate_batches: bool = False
    merge_invocations: int = 0
    garbage: tuple[Garbage, ...] = ()
    missing_tracing: bool = False
    missing_instance_id: bool = False
    upper_case_shutdown_reason: bool = False
    microsecond_timestamps: bool = False
    same_request_id: str | None = None
    logs_not_supported: bool = False
    telemetry_not_supported: bool = False
    logs_subscribe_status: int | None = None
    telemetry_subscribe_status: int | None = None
    subscribe_refusals: int = 0
    register_refusals: int = 0
    register_refusal_status: int = 500
    unknown_event: bool = False
    report_status: str = "as_ended"
    snap_start: bool = False
    durable: bool = False
    tenant_id: str | None = None
    handler_error_in_report: bool = False

    def __post_init__(self) -> None:
        """Refuse unknown words, which would switch nothing on."""
        unknown = set(self.garbage) - set(GARBAGE_KINDS)
        if unknown:
            raise ValueError(
                f"unknown garbage {sorted(unknown)}; known are {', '.join(GARBAGE_KINDS)}"
            )
        if self.report not in ("next", "at_once"):
            raise ValueError(f"report must be next or at_once, not {self.report!r}")
