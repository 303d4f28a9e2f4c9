import json
from pathlib import Path

import pytest

from extension import __version__
from layer.origin import Origin, look_at, note, read_note, read_version
from tests.doubles.git import commit_all, git

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one commit and a package."""
    folder = tmp_path / "checkout"
    (folder / "extension").mkdir(parents=True)
    (folder / "extension" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    commit_all(folder)
    return folder


def test_version_is_read_without_an_import() -> None:
    """The build imports nothing of what it packs."""
    assert read_version(ROOT / "extension") == __version__


def test_package_without_a_version_is_refused(tmp_path: Path) -> None:
    """Whatever is built must be able to say what it is."""
    (tmp_path / "__init__.py").touch()

    with pytest.raises(ValueError, match="no __version__"):
        read_version(tmp_path)


def test_origin_is_the_commit_and_whether_it_is_all(checkout: Path) -> None:
    """A file that is in no commit is a change as well."""
    commit = git(checkout, "rev-parse", "HEAD")
    clean = look_at(checkout, checkout / "extension")
    (checkout / "new.py").touch()

    changed = look_at(checkout, checkout / "extension")

    assert clean == Origin(version="1.2.3", commit=commit)
    assert changed == Origin(version="1.2.3", commit=commit, changed=True)
    assert changed.describe("python") == (
        f"Flight Recorder 1.2.3, python, commit {commit[:7]} with changes"
    )


def test_origin_without_git_is_the_version_alone(checkout: Path, tmp_path: Path) -> None:
    """Somebody builds from an archive of the sources."""
    (checkout / ".git").rename(tmp_path / "elsewhere")

    origin = look_at(checkout, checkout / "extension")

    assert origin == Origin(version="1.2.3")
    assert origin.describe("python") == "Flight Recorder 1.2.3, python"


def test_note_counts_for_the_bytes_that_it_names(tmp_path: Path) -> None:
    """A zip that was replaced by hand is of unknown origin; a file that is none of ours is passed over."""
    archive = tmp_path / "layer.zip"
    archive.write_bytes(b"one")
    origin = Origin(version="1.2.3", commit="abc", changed=True)
    (tmp_path / "odd.provenance.json").write_text("[1]")
    (tmp_path / "odder.provenance.json").write_text(json.dumps({"subject": [{"name": "x"}]}))

    note(archive, origin)
    read = read_note(archive)
    archive.write_bytes(b"other")

    assert read == origin
    assert read_note(archive) is None
