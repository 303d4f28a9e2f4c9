import pytest

from extension import PREFIX
from extension.config.settings import read_settings
from whatif.model.signs import SIGNS, Sign
from whatif.replay.grid import Point, grid_of
from whatif.replay.suggestion import LEVEL_SIGN, lets_errors_pass, suggestion_of

TRACEBACK = SIGNS[0]


def own(**settings: str) -> Point:
    variables = {f"{PREFIX}{name}": value for name, value in settings.items()}
    return next(point for point in grid_of(variables, []) if point.is_own)


def test_suggestion_sets_error_pattern_for_every_sign() -> None:
    """The extension takes it as it is, beside the user's other settings."""
    suggestion = suggestion_of(own(HISTORY="3"))

    settings, problems = read_settings(suggestion.variables)
    assert (suggestion.signs, problems, settings.history) == (SIGNS, [], 3)
    assert suggestion.changed.keys() == {"ERROR_PATTERN"}
    assert settings.error_pattern is not None
    assert all(settings.error_pattern.search(sign.example) for sign in SIGNS)


def test_suggestion_keeps_the_users_own_pattern() -> None:
    """What is kept today is kept with the suggestion as well."""
    suggestion = suggestion_of(own(ERROR_PATTERN="boom|bang"), [TRACEBACK])

    assert suggestion.changed == {"ERROR_PATTERN": f"boom|bang|{TRACEBACK.pattern}"}


def test_suggestion_does_not_take_a_reference_for_a_pattern() -> None:
    """Its value is unknown here."""
    suggestion = suggestion_of(own(ERROR_PATTERN="ssm:/shop/pattern"), [TRACEBACK])

    assert suggestion.changed == {"ERROR_PATTERN": TRACEBACK.pattern}


@pytest.mark.parametrize(
    ("level", "expected"),
    [("", False), ("WARN", False), ("ERROR", False), ("FATAL", True), ("OFF", True)],
)
def test_suggestion_lowers_error_level_to_error(level: str, *, expected: bool) -> None:
    """Only where lines at ERROR make no failed invocation."""
    point = own(ERROR_LEVEL=level)

    changed = suggestion_of(point, [LEVEL_SIGN]).changed

    assert lets_errors_pass(point) is expected
    assert changed == ({"ERROR_LEVEL": "ERROR"} if expected else {})


def test_suggestion_leaves_out_what_a_pattern_cannot_hold() -> None:
    """A long pattern of the user's own leaves little room, and what fits is still looked for."""
    suggestion = suggestion_of(own(ERROR_PATTERN="x{700}"))

    settings, problems = read_settings(suggestion.variables)
    assert problems == []
    assert settings.error_pattern is not None
    assert 0 < len(suggestion.signs) < len(SIGNS)
    assert suggestion_of(own(), [Sign("bad", "(", "")]).signs == ()
