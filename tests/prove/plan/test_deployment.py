from __future__ import annotations

from prove.plan.deployment import Wanted, plan
from prove.plan.ways import FAILING

ALL = Wanted(ways=FAILING)
NONE: dict[str, str] = {}


def test_every_kind_is_planned_for_both_architectures_and_all_sinks() -> None:
    planned = plan("ab", ALL, built=["python", "x86_64", "arm64"], refused_sinks=NONE)

    assert len(planned.functions) == 4 * 2 * (3 + 1)
    assert {one.layer for one in planned.functions if one.kind.key == "python"} == {"python"}
    assert all(
        one.layer == one.architecture for one in planned.functions if one.kind.key != "python"
    )
    assert len({one.name for one in planned.functions}) == len(planned.functions)
    assert max(len(one.name) for one in planned.functions) <= 64
    assert all(one.name.startswith(planned.prefix) for one in planned.functions)


def test_what_has_no_layer_or_no_sink_is_left_out_with_the_reason() -> None:
    planned = plan("ab", ALL, built=["python"], refused_sinks={"own": "too old"})

    left_out = dict(planned.left_out)
    assert {one.kind.key for one in planned.functions} == {"python"}
    assert left_out["the sink own"] == "too old"
    assert left_out["ruby on arm64"].endswith("./build.sh layer --standalone --arch arm64")
    assert plan("ab", ALL, built=[], refused_sinks=NONE).functions == ()


def test_variables_set_the_sink_and_the_rate() -> None:
    wanted = Wanted(kinds=("bash",), architectures=("arm64",), sinks=("s3",), ways=("exit",))
    planned = plan("ab", wanted, built=["arm64"], refused_sinks=NONE)
    first = planned.variables(planned.functions[0])

    assert [one.rate for one in planned.functions] == ["0", "1"]
    assert first["FLIGHT_RECORDER_SINK"] == "s3://flight-recorder-prove-ab/kept"
    assert first["FLIGHT_RECORDER_SAMPLE_RATE"] == "0"
    assert first["FLIGHT_RECORDER_LOG_API"] == "telemetry"
