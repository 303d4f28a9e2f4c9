from pathlib import Path

import pytest

from show.arguments import Asked, parser
from show.model.errors import ShowError


def asked(*words: str) -> Asked:
    return Asked(parser().parse_args(words))


def test_words_are_sorted_into_places_and_an_id(tmp_path: Path) -> None:
    """In any order."""
    file = tmp_path / "kept"
    file.touch()

    found = asked("4711", "s3://b/p", str(file), "-", "--group", "/g/1", "/g/2", "--region", "x")

    assert (found.groups, found.buckets) == (["/g/1", "/g/2"], ["s3://b/p"])
    assert (found.files, found.wanted, found.region) == ([str(file), "-"], "4711", "x")


def test_an_id_may_stand_behind_the_groups() -> None:
    """A group's name has a slash; a single one may be any."""
    assert asked("--group", "/g/1", "order-7").wanted == "order-7"
    assert asked("--group", "kept").groups == ["kept"]
    assert asked("--group", "/g", "--group", "/h", "/g", "4711").groups == ["/g", "/h"]


def test_defaults_depend_on_what_is_asked() -> None:
    """An hour of failures, or a day for an id; files are read whole."""
    assert (asked("--group", "/g").default_since, asked("--group", "/g").asks_aws) == ("1h", True)
    assert asked("--group", "/g", "4711").default_since == "1d"
    assert not asked("-").asks_aws


def test_failed_is_the_opposite_of_all() -> None:
    assert asked("-", "--all").with_healthy
    assert not asked("-", "--all", "--failed").with_healthy
    assert asked("-", "--failed").only_failed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "name what to look at: --group"),
        (["4711"], "name what to look at"),
        (["missing.ndjson"], "there is no file missing.ndjson; name what"),
        (["-", "missing.ndjson"], "there is no file missing.ndjson"),
        (["-", "one", "two"], "one and two are no files, and only one ID"),
        (["s3://"], "names no bucket"),
    ],
)
def test_what_is_missing_is_told(words: list[str], told: str) -> None:
    with pytest.raises(ShowError, match=told):
        asked(*words)
