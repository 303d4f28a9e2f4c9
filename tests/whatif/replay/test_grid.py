import pytest

from extension import PREFIX
from extension.config.variables import SETTINGS
from whatif.replay.grid import MAX_POINTS, REPLAYED, GridError, grid_of, read_axis


def labels(environ: dict[str, str], *axes: str) -> list[str]:
    return [point.label for point in grid_of(environ, [read_axis(axis) for axis in axes])]


def test_grid_has_default_rates() -> None:
    """Without any option the report shows rates from nothing to everything."""
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


def test_grid_begins_with_the_users_own_settings() -> None:
    """They are the point of comparison, and the base of all others."""
    environ = {f"{PREFIX}SAMPLE_RATE": "20%", f"{PREFIX}ERROR_LEVEL": "WARN", "HOME": "/"}

    points = grid_of(environ, [])

    assert points[0].label == "as set"
    assert {point.settings.error_level for point in points} == {13}
    assert all("HOME" not in point.variables for point in points)


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        (
            ["SAMPLE_RATE=0", "SAMPLE_RATE=1", "ERROR_LEVEL=WARN,ERROR"],
            [
                "default",
                *(
                    f"SAMPLE_RATE={rate} ERROR_LEVEL={level}"
                    for rate in (0, 1)
                    for level in ("WARN", "ERROR")
                ),
            ],
        ),
        (["SAMPLE_RATE=5%,0.05,0.1"], ["SAMPLE_RATE=5%", "SAMPLE_RATE=0.1 (default)"]),
        (
            ["REDACT=,hunter2+,hunter3+", "SAMPLE_RATE=1"],
            [
                "default",
                *(f"REDACT=({value}) SAMPLE_RATE=1" for value in ("default", "value 2", "value 3")),
            ],
        ),
    ],
    ids=["all combinations", "equal settings once", "secrets by their place"],
)
def test_grid_spans_its_axes(axes: list[str], expected: list[str]) -> None:
    """A label tells each set of settings from the others, and never holds a possible secret."""
    assert labels({}, *axes) == expected


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("SAMPLE_RATE", "--set takes NAME=VALUE"),
        ("SAMPLERATE=1", "no setting SAMPLERATE; perhaps SAMPLE_RATE was meant"),
        ("QQ=1", "no setting QQ; there are SAMPLE_RATE, "),
        ("FLUSH=end,background", "FLUSH does not change a replay; try SAMPLE_RATE"),
        ("SAMPLE_RATE=12", "SAMPLE_RATE=12 cannot be used; accepted: a number"),
        (
            f"SAMPLE_RATE={','.join(str(number / 1000) for number in range(MAX_POINTS + 1))}",
            f"the grid has {MAX_POINTS + 1}",
        ),
    ],
    ids=["no value", "misspelt", "unknown", "without effect", "bad value", "too large"],
)
def test_grid_refuses_an_axis_that_cannot_be_used(axis: str, said: str) -> None:
    """A default in its place, or rows that are all alike, would look like an answer."""
    with pytest.raises(GridError, match=said):
        labels({}, axis)


def test_read_axis_takes_an_escaped_comma() -> None:
    """A regular expression may hold one."""
    assert read_axis(r"error_pattern=a{1\,2},b") == ("ERROR_PATTERN", ["a{1,2}", "b"])
    assert read_axis(f"{PREFIX}BUFFER_SIZE=1MiB") == ("BUFFER_SIZE", ["1MiB"])


@pytest.mark.parametrize("name", ["REDACT", "EXCLUDE", "ERROR_PATTERN"])
def test_grid_finds_the_users_own_patterns(name: str) -> None:
    """Compiled patterns never are equal, so their texts are compared."""
    environ = {f"{PREFIX}{name}": "(x)+"}

    own = grid_of(environ, [])
    spanned = grid_of(environ, [(name, ["(x)+", "y+"]), ("SAMPLE_RATE", ["10%"])])

    assert [point.is_own for point in own] == [False, False, False, True, False]
    assert [point.is_own for point in spanned] == [True, False]


def test_replayed_settings_exist() -> None:
    """A renamed setting would be refused under both names."""
    assert set(REPLAYED) < {setting.name for setting in SETTINGS}
