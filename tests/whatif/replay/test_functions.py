import json
from pathlib import Path

from tests.doubles import shop_logs
from whatif.replay.functions import Figures, figures_of, summed
from whatif.replay.grid import grid_of
from whatif.replay.study import study_of
from whatif.replay.tally import Tally


def test_figures_grow_by_what_was_counted_in_between() -> None:
    """All functions count into one tally, one after the other."""
    before, after = Figures(10, 2, 30, 400.0), Figures(15, 3, 37, 450.0)

    assert Figures(1, 1, 1, 1.0).plus(before, after) == Figures(6, 2, 8, 51.0)
    assert summed([before, Figures(), after]) == Figures(25, 5, 67, 850.0)
    assert figures_of(Tally(invocations=3)) == Figures(3, 0, 0, 0.0)


def test_figures_of_functions_add_up_to_those_of_all(tmp_path: Path) -> None:
    """Each function's log groups are counted by themselves, and nothing is counted twice."""
    path = tmp_path / "log"
    groups = [shop_logs.subscribed(shop_logs.shop(), group=f"/aws/lambda/{name}") for name in "ab"]
    path.write_text("".join(json.dumps(one) for group in groups for one in group))

    study = study_of([str(path)], grid_of({}, []))

    own = next(place for place, point in enumerate(study.points) if point.is_own)
    assert study.functions.keys() == study.logs.keys() == {"a", "b"}
    assert study.functions["a"]._replace(lines=0, cloudwatch_bytes=0) == Figures(24, 5, 0, 0)
    assert summed(study.functions.values()) == figures_of(study.tallies[own])
    # The same streams in two groups are different environments.
    assert study.environments == 4
