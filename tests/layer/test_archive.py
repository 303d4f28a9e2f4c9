import zipfile
from pathlib import Path

import pytest

from layer.archive import entry_time, tree_files, write_archive

NOON = (2026, 1, 2, 12, 0, 0)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "b").mkdir(parents=True)
    (root / "b" / "data.py").write_text("x = 1\n")
    (root / "b" / "data.py").chmod(0o664)
    (root / "a-b").write_text("#!/bin/sh\n")
    (root / "a-b").chmod(0o700)
    return root


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, (1980, 1, 1, 0, 0, 0), id="unset"),
        pytest.param({"SOURCE_DATE_EPOCH": ""}, (1980, 1, 1, 0, 0, 0), id="empty"),
        pytest.param({"SOURCE_DATE_EPOCH": "1767355200"}, NOON, id="set"),
        pytest.param({"SOURCE_DATE_EPOCH": "0"}, (1980, 1, 1, 0, 0, 0), id="before zip's time"),
        pytest.param({"SOURCE_DATE_EPOCH": "9999999999"}, (2107, 12, 31, 23, 59, 58), id="after"),
    ],
)
def test_entry_time_is_a_constant_unless_told(
    environ: dict[str, str], expected: tuple[int, ...]
) -> None:
    """Every entry has the first time a zip can hold, or the one `SOURCE_DATE_EPOCH` gives."""
    assert entry_time(environ) == expected


def test_entry_time_refuses_what_is_no_number() -> None:
    """A `SOURCE_DATE_EPOCH` that is no number is an error, not silently another time."""
    with pytest.raises(ValueError, match="yesterday"):
        entry_time({"SOURCE_DATE_EPOCH": "yesterday"})


def test_archive_holds_files_sorted_with_two_modes_and_one_time(tmp_path: Path, tree: Path) -> None:
    """Entries are sorted; a mode says executable or not, whatever the builder's umask was."""
    output = tmp_path / "out" / "layer.zip"

    count = write_archive(tree, output, date_time=NOON)

    with zipfile.ZipFile(output) as archive:
        entries = archive.infolist()
    assert count == 2
    assert [entry.filename for entry in entries] == ["a-b", "b/data.py"]
    assert [entry.external_attr >> 16 for entry in entries] == [0o100755, 0o100644]
    assert {entry.date_time for entry in entries} == {NOON}


def test_equal_trees_in_different_places_give_equal_bytes(tmp_path: Path, tree: Path) -> None:
    """The archive depends on the tree's content, not on where or when it was written."""
    copy = tmp_path / "somewhere" / "else"
    for path in reversed(tree_files(tree)):
        target = copy / path.relative_to(tree)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        target.chmod(path.stat().st_mode)

    write_archive(tree, tmp_path / "one.zip", date_time=NOON)
    write_archive(copy, tmp_path / "two.zip", date_time=NOON)

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
