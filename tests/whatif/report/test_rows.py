from tests.doubles.studies import study_shop
from whatif.model.prices import SINKS
from whatif.report.rows import KINDS, row_of


def test_row_has_a_cost_for_each_sink_and_lines_of_each_kind() -> None:
    """The factor scales costs and nothing else."""
    study = study_shop()

    once, twice = (row_of("x", study.tallies[-1], factor, is_own=True) for factor in (1.0, 2.0))

    assert once.usd.keys() == set(SINKS)
    assert once.lines_by_kind.keys() == set(KINDS)
    assert {name: usd * 2 for name, usd in once.usd.items()} == twice.usd
    assert (once.lines, once.failed, once.whole) == (twice.lines, twice.failed, twice.whole)
