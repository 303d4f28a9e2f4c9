import pytest

from extension import PREFIX
from extension.config.variables import SETTINGS
from whatif.replay.grid import MAX_POINTS, REPLAYED, GridError, grid_of, read_axis


def labels(environ: dict[str, str], *axes: str) -> list[str]:
    return [point.label for point in grid_of(environ, [read_axis(axis) for axis in axes])]


def test_without_being_asked_rates_are_tried() -> None:
    """The default grid has rates from nothing to everything, with the default among them marked."""
    points = grid_of({}, [])

    assert [point.label for point in points] == [
        "SAMPLE_RATE=0",
        "SAMPLE_RATE=1%",
        "SAMPLE_RATE=5%",
        "SAMPLE_RATE=10% (default)",
        "SAMPLE_RATE=100%",
    ]
    assert [point.settings.sample_rate for point in points] == [0, 0.01, 0.05, 0.1, 1]
    assert [point.is_own for point in points] == [False, False, False, True, False]


def test_the_user_s_own_settings_come_first() -> None:
    """What is set is one of the points, and the base of all others."""
    environ = {f"{PREFIX}SAMPLE_RATE": "20%", f"{PREFIX}ERROR_LEVEL": "WARN", "HOME": "/"}

    points = grid_of(environ, [])

    assert points[0].label == "as set"
    assert {point.settings.error_level for point in points} == {13}
    assert all("HOME" not in point.variables for point in points)


def test_axes_span_a_grid() -> None:
    """Several settings make all combinations; the same name twice adds values."""
    found = labels({}, "SAMPLE_RATE=0", "SAMPLE_RATE=1", "ERROR_LEVEL=WARN,ERROR")

    assert found == [
        "default",
        "SAMPLE_RATE=0 ERROR_LEVEL=WARN",
        "SAMPLE_RATE=0 ERROR_LEVEL=ERROR",
        "SAMPLE_RATE=1 ERROR_LEVEL=WARN",
        "SAMPLE_RATE=1 ERROR_LEVEL=ERROR",
    ]


def test_the_same_settings_are_tried_once() -> None:
    """5% and 0.05 are one point."""
    assert labels({}, "SAMPLE_RATE=5%,0.05,0.1") == ["SAMPLE_RATE=5%", "SAMPLE_RATE=0.1 (default)"]


def test_a_comma_within_a_value_is_escaped() -> None:
    """A regular expression may hold one."""
    assert read_axis(r"error_pattern=a{1\,2},b") == ("ERROR_PATTERN", ["a{1,2}", "b"])
    assert read_axis(f"{PREFIX}BUFFER_SIZE=1MiB") == ("BUFFER_SIZE", ["1MiB"])


def test_secrets_are_not_shown() -> None:
    """A label never holds the value of a setting that may hold one."""
    found = labels({}, "EXCLUDE=https://user:hunter2@example.com", "SAMPLE_RATE=1")

    assert not any("hunter2" in label for label in found)


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("SAMPLE_RATE", "--set takes NAME=VALUE"),
        ("SAMPEL_RATE=1", "there is no setting SAMPEL_RATE"),
    ],
)
def test_an_axis_that_is_none_is_said(axis: str, said: str) -> None:
    """A slip is an error, not a grid of something else."""
    with pytest.raises(GridError, match=said):
        read_axis(axis)


def test_a_value_that_cannot_be_used_is_said() -> None:
    """The extension would use the default instead; here that would be a wrong answer."""
    with pytest.raises(GridError, match="SAMPLE_RATE=12 cannot be used; accepted: a number"):
        grid_of({}, [read_axis("SAMPLE_RATE=12")])


def test_a_grid_has_a_bound() -> None:
    """Each point costs memory for every environment."""
    rates = ",".join(str(number / 1000) for number in range(MAX_POINTS + 1))

    with pytest.raises(GridError, match=f"the grid has {MAX_POINTS + 1}"):
        grid_of({}, [read_axis(f"SAMPLE_RATE={rates}")])


@pytest.mark.parametrize("name", ["REDACT", "EXCLUDE", "ERROR_PATTERN"])
def test_patterns_that_are_written_alike_are_alike(name: str) -> None:
    """The user's own settings are found in the grid whatever patterns they have; other patterns are others."""
    environ = {f"{PREFIX}{name}": "(x)+"}

    own = grid_of(environ, [])
    spanned = grid_of(environ, [(name, ["(x)+", "y+"]), ("SAMPLE_RATE", ["10%"])])

    assert [point.is_own for point in own] == [False, False, False, True, False]
    assert [point.is_own for point in spanned] == [True, False]


def test_values_that_may_be_secrets_are_told_apart_by_their_place() -> None:
    """Two patterns to try have two labels, and neither shows the pattern."""
    points = grid_of({}, [("REDACT", ["", "hunter2+", "hunter3+"]), ("SAMPLE_RATE", ["1"])])

    labels = [point.label.split()[0] for point in points if not point.is_own]
    assert labels == ["REDACT=(default)", "REDACT=(value", "REDACT=(value"]
    assert "hunter" not in "".join(point.label for point in points)


def test_a_setting_that_changes_nothing_is_refused() -> None:
    """A grid over it would be rows that are all alike, which looks like an answer."""
    with pytest.raises(GridError, match="FLUSH does not change a replay; try SAMPLE_RATE"):
        read_axis("FLUSH=end,background")


def test_the_settings_that_are_replayed_exist() -> None:
    """A setting of another name would be refused under both."""
    assert set(REPLAYED) < {setting.name for setting in SETTINGS}


def test_a_name_that_is_misspelt_is_recognised() -> None:
    """The one that is near is named; where none is, all are."""
    with pytest.raises(GridError, match="no setting SAMPLERATE; perhaps SAMPLE_RATE was meant"):
        read_axis("SAMPLERATE=1")
    with pytest.raises(GridError, match="no setting QQ; there are SAMPLE_RATE, "):
        read_axis("QQ=1")
