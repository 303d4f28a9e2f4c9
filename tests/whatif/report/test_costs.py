import pytest

from extension import PREFIX
from tests.doubles.studies import study_shop
from whatif.model.log import Log
from whatif.model.net import NOT_WATCHED, Account, Pace, Watching
from whatif.model.prices import TB
from whatif.replay.grid import Point, grid_of
from whatif.report.costs import CostView, costs_of, pace_of, saving_text, watching_of
from whatif.report.view import View, view_of


def own_of(**variables: str) -> Point:
    environ = {f"{PREFIX}{name}": value for name, value in variables.items()}
    return next(point for point in grid_of(environ, []) if point.is_own)


@pytest.mark.parametrize(
    ("variables", "watching"),
    [
        ({}, Watching(shared_by=20, functions=2)),
        ({"METRICS": "off"}, NOT_WATCHED),
        ({"METRICS": "1m"}, Watching(18, 5, shared_by=1, functions=2)),
        ({"METRICS": "1m", "METRICS_FLEET": "shop"}, Watching(shared_by=20, functions=2)),
    ],
)
def test_watching_follows_the_variables_or_the_templates(
    variables: dict[str, str], watching: Watching
) -> None:
    """Without a variable the function gets what the templates set: the metrics of a fleet."""
    assert watching_of(own_of(**variables), functions=2, fleet=20) == watching


def costs(log: Log, *, own: Point | None = None, monthly: bool = True) -> CostView:
    return costs_of(
        own or own_of(),
        {"shop": log},
        factor=1.0,
        is_monthly=monthly,
        compressed_share=0.1,
        account=Account(other_bytes=20 * TB),
    )


def test_costs_assume_a_memory_size_that_nobody_tells() -> None:
    """The variables of the function come first, then Lambda's default, which the report says."""
    log = Log(held=2, cold_starts=1)
    configured = next(
        point for point in grid_of({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024"}, []) if point.is_own
    )

    assumed, told = costs(log), costs(log, own=configured)

    assert (assumed.memory_mb, assumed.memory_is_assumed) == (128, True)
    assert (told.memory_mb, told.memory_is_assumed) == (1024, False)
    assert told.upkeep.hold == pytest.approx(8 * assumed.upkeep.hold)
    assert pace_of(log, assumed_mb=256) == Pace(2, 512, 1, 256, 0)


def test_costs_of_a_million_invocations_leave_metrics_out() -> None:
    """They are billed by the month."""
    assert costs(Log(held=1), monthly=False).watching == NOT_WATCHED


@pytest.mark.parametrize(
    ("sink", "own"),
    [
        ("", "cloudwatch"),
        ("records+cloudwatch:", "cloudwatch"),
        ("s3://bucket/p", "s3"),
        ("otlp+https://c:4318", "cloudwatch"),
    ],
)
def test_costs_are_those_of_the_users_own_sink(sink: str, own: str) -> None:
    """A sink that AWS does not bill is priced as CloudWatch."""
    assert costs(Log(), own=own_of(SINK=sink)).own_sink == own


def test_costs_have_the_tier_of_the_account() -> None:
    """With 20 TB of others, a GB costs half."""
    view = costs(Log(cloudwatch_bytes=10**9))

    assert view.last_gb_usd == 0.25
    assert view.today_usd == pytest.approx(0.25 + 0.1 * 0.03)


def shop(**variables: str) -> View:
    environ = {f"{PREFIX}{name}": value for name, value in variables.items()}
    return view_of(study_shop(environ=environ))


def test_saving_is_told_in_percent_in_money_and_net() -> None:
    """With metrics it has the net without them too; without metrics there is one figure."""
    watched, bare = shop(), shop(METRICS="off")

    assert saving_text(watched.own, watched.costs, per=watched.per) == (
        "-57 %: $0.005 -> $0.0022 a month; net of all costs -$5.81, or +$0.00079 without metrics and alarms"
    )
    assert saving_text(bare.own, bare.costs, per=bare.per).endswith("; net of all costs +$0.00079")
