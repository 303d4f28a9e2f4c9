import zipfile
from pathlib import Path

import pytest

from layer.archive import entry_time, tree_files, unpack, write_archive

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
def test_entry_time_is_a_constant_by_default(
    environ: dict[str, str], expected: tuple[int, ...]
) -> None:
    """`SOURCE_DATE_EPOCH` gives another one, within the times that a zip can hold."""
    assert entry_time(environ) == expected


def test_entry_time_refuses_another_text() -> None:
    """A bad `SOURCE_DATE_EPOCH` must not silently become another time."""
    with pytest.raises(ValueError, match="yesterday"):
        entry_time({"SOURCE_DATE_EPOCH": "yesterday"})


def test_archive_sorts_files_and_has_two_modes_and_one_time(tmp_path: Path, tree: Path) -> None:
    """The mode says executable or not, whatever the builder's umask was."""
    output = tmp_path / "out" / "layer.zip"

    count = write_archive(tree, output, date_time=NOON)

    with zipfile.ZipFile(output) as archive:
        entries = archive.infolist()
    assert count == 2
    assert [entry.filename for entry in entries] == ["a-b", "b/data.py"]
    assert [entry.external_attr >> 16 for entry in entries] == [0o100755, 0o100644]
    assert {entry.date_time for entry in entries} == {NOON}


def test_archive_of_equal_trees_has_equal_bytes(tmp_path: Path, tree: Path) -> None:
    """The place and the moment of the build leave no trace."""
    copy = tmp_path / "somewhere" / "else"
    for path in reversed(tree_files(tree)):
        target = copy / path.relative_to(tree)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        target.chmod(path.stat().st_mode)

    write_archive(tree, tmp_path / "one.zip", date_time=NOON)
    write_archive(copy, tmp_path / "two.zip", date_time=NOON)

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_unpack_restores_modes(tmp_path: Path, tree: Path) -> None:
    """Lambda does the same, and could not start a launcher without its mode."""
    write_archive(tree, tmp_path / "layer.zip", date_time=NOON)

    unpack(tmp_path / "layer.zip", tmp_path / "opt")

    modes = {
        path.name: path.stat().st_mode & 0o777
        for path in (tmp_path / "opt").rglob("*")
        if path.is_file()
    }
    assert modes == {"a-b": 0o755, "data.py": 0o644}
