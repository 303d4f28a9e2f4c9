"""The table of faults: whatever a network and a service do to a sink, on each kind of sink, with real receivers.

The function pays no more than its budget, nothing that failed invocations wrote is lost once the sink is back, what
arrives twice can be recognised, and the account adds up. Everything goes through TLS.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.control_plane.cpu_share import SHARE, STOP_AND_GO, CpuGroup, means
from emulator.model.function import Function
from tests.end_to_end.families import FAMILIES, Family, Found
from tests.end_to_end.support import (
    CARGO,
    SECRET,
    Delivered,
    accounts,
    problems,
    running,
    settings,
    total,
    write_python,
    wrote,
)
from tests.services.aws import REGION
from tests.services.front import RETRY_AFTER_S, Fault, Front

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.cloud import LocalLambda
    from emulator.model.invocation import InvokeResult

pytestmark = pytest.mark.services

TIMEOUT_MS = 10_000
FLUSH_TIMEOUT = "400ms"
BUDGET_MS = TIMEOUT_MS / 3
"""A flush may hold an invocation for 400 ms; a busy machine adds to that, but not that much."""

MAX_BODY_BYTES = 6_000
"""Where the sink finds a body too large: less than what an invocation here writes, compressed; more than half of it."""

APP = """
import hashlib, logging

CARGO = "cargo-5d1f"
log = logging.getLogger()


def noise(text):  # a kilobyte that cannot be compressed below half of that
    return "".join(hashlib.sha512(f"{text} {part}".encode()).hexdigest() for part in range(8))


def handler(event, context):
    tag = context.aws_request_id
    for number in range(20):
        print(CARGO, tag, number, noise(f"{tag} {number}"))
    if event["kind"] == "error":
        print(f"{CARGO} {tag} one of two\\n{CARGO} {tag} two of two \\u20ac")
        log.error("%s %s told to write an error", CARGO, tag)
    if event["kind"] == "raise":
        raise ValueError(f"{CARGO} {tag} told to raise")
    return event["kind"]
"""

TEMPORARY = {
    "connections are refused": Fault.REFUSED,
    "connections are reset": Fault.RESET,
    "requests stall": Fault.STALLED,
    "answers are slow": Fault.SLOW,
    "the answer is status 500": Fault.ERROR_500,
    "the answer is status 503 with Retry-After": Fault.ERROR_503,
    "the sink is throttling": Fault.THROTTLED,
    "half of the answer comes": Fault.HALF_AN_ANSWER,
    "the certificate is not trusted": Fault.UNTRUSTED,
}
DENIALS = {
    "permission is denied": Fault.DENIED,
    "credentials have expired": Fault.EXPIRED,
}
IN_THE_FREEZER = {
    "the answer comes": Fault.HELD,
    "the connection is lost": Fault.HELD_AND_LOST,
}
LEAVES_DUPLICATES = frozenset({Fault.HALF_AN_ANSWER, Fault.HELD_AND_LOST})


@dataclass
class Setting:
    """A kind of sink, with a receiver behind it, and the recorder's share of a processor; None for a whole one."""

    family: Family
    share: float | None


SETTINGS = {
    **{name: (name, None) for name in FAMILIES},
    "http, in a small function": ("http", SHARE),
}
"""Kinds of sinks differ in what they send, so one is enough where the processor is scarce."""


@pytest.fixture(params=list(SETTINGS.values()), ids=list(SETTINGS))
def setting(request: pytest.FixtureRequest) -> Iterator[Setting]:
    """Return each kind of sink in turn."""
    name, share = request.param
    if share is not None and means() == STOP_AND_GO:
        pytest.skip("no control group can be made here: only that gives an exact share")
    made = FAMILIES[name]()
    yield Setting(made, share)
    made.close()


@dataclass
class Run:
    """A function in a warm environment, its sink behind a front, and the failed invocations so far."""

    cloud: LocalLambda
    front: Front
    family: Family
    failed: list[InvokeResult] = field(default_factory=list)

    def invoke(self, kind: str) -> InvokeResult:
        """Invoke, and look at what the caller and the bill see."""
        result = self.cloud.invoke({"kind": kind})

        assert result.status == ("error" if kind == "raise" else "success")
        assert result.held_ms is not None
        assert result.held_ms < BUDGET_MS
        if kind != "ok":
            self.failed.append(result)
        return result

    def in_mid_request(self) -> bool:
        """Tell whether the environment is frozen while a request waits for an answer; if not, let it run on."""
        if not self.front.held:
            self.invoke("ok")
        journal = self.cloud.journal
        return (
            self.front.held == 1 and journal.of("thaw")[-1].at_ns < journal.of("freeze")[-1].at_ns
        )

    @property
    def expected(self) -> list[str]:
        """What failed invocations wrote, in the order in which it is shown: received, or of the times in milliseconds."""
        if not self.family.sorts:
            return [text for one in self.failed for text in wrote(self.cloud, one.request_id)]
        failed = {one.request_id for one in self.failed}
        events = [event for event in self.cloud.events if event["type"] == "function"]
        written = zip(self.cloud.written, events, strict=True)
        lines = [(event["time"], line.text) for line, event in written if line.request_id in failed]
        return [text for _, text in sorted(lines, key=lambda line: line[0])]

    def until_met(self, fault: Fault) -> None:
        """Let the environment run until a request has met the fault: a busy machine may be slow to send one."""

        def met() -> bool:
            if any(one.behaviour is fault for one in self.front.requests):
                return True
            self.invoke("ok")
            return False

        self.cloud.wait_for(met, timeout_s=30)

    def until_quiet(self) -> None:
        """Let the environment run until nothing is sent, so that no report of an earlier invocation meets the fault."""

        def quiet() -> bool:
            before = len(self.front.requests)
            self.invoke("ok")
            return len(self.front.requests) == before

        self.cloud.wait_for(quiet, timeout_s=30)

    def until_arrived(self) -> None:
        """Let the environment run now and then, as healthy invocations do, until all is where it belongs."""

        def arrived() -> bool:
            self.invoke("ok")
            return {one.text for one in self.family.found()} >= set(self.expected)

        self.cloud.wait_for(arrived, timeout_s=30)

    def assert_arrived(self, *, duplicates: bool = False) -> None:
        """Everything is there, in order; what is there twice can be recognised; nothing is unaccounted for."""
        found = self.family.found()
        once = list(dict.fromkeys(found))

        assert [one.text for one in once] == self.expected
        assert len(set(self.expected)) == len(self.expected)
        self.assert_duplicates(found, once, duplicates=duplicates)
        told = accounts(self.cloud)
        assert total(told, "lost_lines") == total(told, "evicted_lines") == 0
        assert total(told, "kept_lines") == len(self.expected)
        assert total(told, "received_lines") == len(self.cloud.written)
        said = [one["event"] for one in problems(self.cloud)]
        assert len(set(said)) == len(said), "each problem is said once"
        assert self.variables_said <= {"FLIGHT_RECORDER_SINK", "FLIGHT_RECORDER_FLUSH_TIMEOUT"}

    @property
    def variables_said(self) -> set[str]:
        """Which settings the extension's own complaints name."""
        return {one["variable"] for one in problems(self.cloud)}

    def assert_duplicates(self, found: list[Found], once: list[Found], *, duplicates: bool) -> None:
        """A copy of a line is exactly that, with the same id; CloudWatch's, which has none, are announced."""
        copies = len(found) - len(once)

        assert (copies > 0) == (duplicates and not self.family.overwrites)
        if self.family.sorts:
            assert self.family.announced() >= copies


@contextlib.contextmanager
def small(url: str) -> Iterator[None]:
    """Give the recorder whose sink is at a URL the share of a processor that a function of 128 MB has."""
    with CpuGroup(f"faults-{os.getpid()}") as group:
        added = 0
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                is_ours = url.encode() in (path / "environ").read_bytes()
                if is_ours and b"flight-recorder" in (path / "cmdline").read_bytes():
                    group.add(int(path.name))
                    added += 1
        assert added == 1
        group.limit(SHARE)
        yield


@contextlib.contextmanager
def faulty(setting: Setting, layer: Path, folder: Path) -> Iterator[Run]:
    """Run a function whose first failed invocation arrived, over a connection that is kept."""
    family = setting.family
    with Front(family.backend, family.dialect, secret=SECRET, tls=True) as front:
        assert front.trusted is not None
        environment = {
            **settings(sink="", flush_timeout=FLUSH_TIMEOUT),
            **family.environment(front.url),
            "SSL_CERT_FILE": str(front.trusted.certificate),
        }
        function = Function(
            code=write_python(folder, APP),
            timeout_ms=TIMEOUT_MS,
            region=REGION,
            environment=environment,
        )
        with running(function, layers=[layer]) as cloud:
            run = Run(cloud, front, family)
            run.invoke("ok")
            run.invoke("error")
            run.until_arrived()
            run.until_quiet()
            if setting.share is None:
                yield run
                return
            with small(front.url):
                yield run
                cloud.shutdown()


@pytest.mark.parametrize("fault", [pytest.param(one, id=name) for name, one in TEMPORARY.items()])
def test_the_function_goes_on_and_nothing_is_lost_while(
    layer_dir: Path, tmp_path: Path, setting: Setting, fault: Fault
) -> None:
    """Invocations are held for FLUSH_TIMEOUT at most, and what they wrote arrives once the sink is back."""
    with faulty(setting, layer_dir, tmp_path) as run:
        run.front.set(fault)
        run.invoke("error")
        run.invoke("raise")
        if fault in LEAVES_DUPLICATES:
            run.until_met(fault)
        run.front.set(Fault.NONE)
        run.invoke("error")
        run.until_arrived()

    run.assert_arrived(duplicates=fault in LEAVES_DUPLICATES)
    if fault is Fault.SLOW:
        assert run.variables_said <= {"FLIGHT_RECORDER_FLUSH_TIMEOUT"}
    if fault is Fault.ERROR_503:
        tried = [one.at_s for one in run.front.requests if one.behaviour in (fault, Fault.NONE)]
        first = next(one.at_s for one in run.front.requests if one.behaviour is fault)
        assert min(at_s for at_s in tried if at_s > first) - first >= RETRY_AFTER_S


@pytest.mark.parametrize("fault", [pytest.param(one, id=name) for name, one in DENIALS.items()])
def test_denied_lines_wait_until_somebody_mends_the_permission(
    layer_dir: Path, tmp_path: Path, setting: Setting, fault: Fault
) -> None:
    """It is said once, tried rarely, and what was kept is delivered at SHUTDOWN at the latest."""
    with faulty(setting, layer_dir, tmp_path) as run:
        run.front.set(fault)
        run.invoke("error")
        run.invoke("raise")
        run.invoke("ok")
        run.front.set(Fault.NONE)
        tried = [one for one in run.front.requests if one.behaviour is fault]

    run.assert_arrived()
    assert 1 <= len(tried) <= 2
    denied = [one for one in problems(run.cloud) if one["variable"] == "FLIGHT_RECORDER_SINK"]
    assert ["denied access" in one["event"] for one in denied] == [True]


def test_extension_sends_a_batch_that_is_too_large_in_parts(
    layer_dir: Path, tmp_path: Path, setting: Setting
) -> None:
    """Status 413, or what the service says instead, halves batches until they are taken."""
    with faulty(setting, layer_dir, tmp_path) as run:
        run.front.max_body_bytes = MAX_BODY_BYTES
        run.front.set(Fault.TOO_LARGE)
        run.invoke("error")
        run.invoke("raise")
        run.until_arrived()

    sizes = [len(one.body) for one in run.front.requests if one.behaviour is Fault.TOO_LARGE]
    assert max(sizes) > MAX_BODY_BYTES
    run.assert_arrived()
    assert run.variables_said <= {"FLIGHT_RECORDER_FLUSH_TIMEOUT"}


@pytest.mark.parametrize(
    "fault", [pytest.param(one, id=name) for name, one in IN_THE_FREEZER.items()]
)
def test_a_freeze_in_the_middle_of_a_request_costs_nothing_when(
    layer_dir: Path, tmp_path: Path, setting: Setting, fault: Fault
) -> None:
    """The flush times out, and the environment is frozen while the sink has the request and has not answered."""
    with faulty(setting, layer_dir, tmp_path) as run:
        run.front.set(fault)
        run.invoke("error")
        run.cloud.wait_for(run.in_mid_request)
        frozen = len(run.cloud.journal.of("freeze"))
        run.front.set(Fault.NONE)
        run.cloud.wait_for(lambda: run.front.held == 0)
        time.sleep(0.05)  # for the front to answer, or hang up, to somebody who is frozen
        assert len(run.cloud.journal.of("freeze")) == frozen
        run.until_arrived()

    run.assert_arrived(duplicates=fault in LEAVES_DUPLICATES)
    assert run.variables_said <= {"FLIGHT_RECORDER_FLUSH_TIMEOUT"}


def test_a_sink_whose_name_is_unknown_leaves_everything_to_the_fallback(
    layer_dir: Path, tmp_path: Path, setting: Setting
) -> None:
    """DNS does not know it: FALLBACK_SINK has every line of the failed invocations, and no healthy one."""
    path = tmp_path / "fallback.ndjson"
    environment = {
        **settings(sink="", flush_timeout=FLUSH_TIMEOUT, fallback_sink=f"file:{path}"),
        **setting.family.environment("https://sink.invalid"),
    }
    function = Function(
        code=write_python(tmp_path, APP),
        timeout_ms=TIMEOUT_MS,
        region=REGION,
        environment=environment,
    )

    with running(function, layers=[layer_dir]) as cloud:
        results = [cloud.invoke({"kind": kind}) for kind in ("ok", "error", "raise", "ok")]

    assert [one.status for one in results] == ["success", "success", "error", "success"]
    assert all(one.held_ms is not None and one.held_ms < BUDGET_MS for one in results)
    expected = [text for one in results[1:3] for text in wrote(cloud, one.request_id)]
    delivered = Delivered.read(path)
    assert delivered.texts() == expected
    assert CARGO in expected[0]
    delivered.assert_unique_ids()
    told = accounts(cloud)
    assert total(told, "lost_lines") == total(told, "evicted_lines") == 0
    assert total(told, "kept_lines") == total(told, "fallback_lines") == len(expected)
    said = [one["variable"] for one in problems(cloud)]
    assert set(said) <= {"FLIGHT_RECORDER_SINK", "FLIGHT_RECORDER_FLUSH_TIMEOUT"}
    assert len(set(said)) == len(said)
