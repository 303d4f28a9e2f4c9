"""What the real runtime clients write of a failure is recognised: the invocation is delivered whole at rate 0, a healthy one not at all.

The functions are those of `tests/captured`, whose files hold every record of them. Rules that read records are tested on
those files; here the built layer runs beside the clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.captured.programs import PROGRAMS, why_not
from tests.end_to_end.support import Delivered, assert_kept_whole, running, settings, wrote

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.cloud import LocalLambda
    from emulator.model.invocation import InvokeResult
    from tests.captured.programs import Case, LogFormat, Program


def _parameters() -> list[object]:
    """Run each program in each of its formats. A JSON line arrives as an object over the Telemetry API alone."""
    found: list[object] = []
    for programs in PROGRAMS.values():
        for number, program in enumerate(programs):
            for log_format in program.formats:
                apis = ["logs"] if log_format == "Text" else ["telemetry"]
                if log_format == "JSON" and number == 0:
                    apis.append("logs")  # once a runtime
                found += [
                    pytest.param(program, log_format, api, id=f"{program}, {log_format}, {api}")
                    for api in apis
                ]
    return found


def _is_kept_for_its_restart(result: InvokeResult) -> bool:
    """After a crash Lambda does init within the next invocation, which is kept for that."""
    return result.status == "success" and result.init_ms is not None


def _reasons(
    case: Case, delivered: Delivered, cloud: LocalLambda, result: InvokeResult, *, objects: bool
) -> set[str]:
    """Give the reasons for which an invocation was kept, and check that it was kept whole if it failed."""
    if not case.begins:
        assert delivered.texts() == wrote(cloud, None, objects=objects)
        return {one["reason"] for one in delivered.lines()}
    reasons = delivered.reasons(result.request_id)
    if case.reason and reasons and wrote(cloud, result.request_id):
        assert_kept_whole(delivered, cloud, result, reasons=reasons, objects=objects)
    return reasons


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("program", "log_format", "log_api"), _parameters())
def test_a_failed_invocation_is_kept_whole(
    layer_dir: Path, sink_path: Path, program: Program, log_format: LogFormat, log_api: str
) -> None:
    """Every way to fail is seen for what it is, in one environment after the other."""
    if why_not(program.name):
        pytest.skip(why_not(program.name))
    objects = (log_format, log_api) == ("JSON", "telemetry")
    variables = settings(sink=f"file:{sink_path}", log_api=log_api)

    with running(program.function(log_format, variables), layers=[layer_dir]) as cloud:
        results = [(case, cloud.invoke({"kind": case.kind})) for case in program.cases]

    delivered = Delivered.read(sink_path)
    delivered.assert_unique_ids()
    wrong = {}
    for case, result in results:
        if not _is_kept_for_its_restart(result):
            found = _reasons(case, delivered, cloud, result, objects=objects)
            known = case.reasons(log_format) | (set() if case.begins else {"init-error"})
            if bool(found) != bool(case.reason) or not found <= known:
                wrong[case.kind] = found
    assert not wrong
