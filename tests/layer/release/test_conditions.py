import re
from datetime import datetime, timezone
from pathlib import Path

import pytest

from layer.release.conditions import ReleaseError, examine
from tests.doubles.git import MOMENT, commit_all, git


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that may be released."""
    (tmp_path / "extension").mkdir()
    (tmp_path / "extension" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n\n## [1.2.3] - 2026-11-30\n")
    (tmp_path / ".gitignore").write_text("/dist\n")
    commit_all(tmp_path)
    return tmp_path


def test_clean_commit_with_its_version_in_the_changelog_may_be_released(checkout: Path) -> None:
    """Its moment is the commit's. What git ignores is no change, and a tag that names the version is right."""
    (checkout / "dist").mkdir()
    (checkout / "dist" / "old.zip").touch()
    git(checkout, "tag", "v1.2.3")
    git(checkout, "tag", "v1")

    commit = examine(checkout, {})

    assert commit.version == "1.2.3"
    assert commit.commit == git(checkout, "rev-parse", "HEAD")
    assert commit.moment == datetime.fromisoformat(MOMENT.replace("Z", "+00:00"))
    assert commit.source == ""


def test_moment_is_source_date_epoch_where_it_is_set(checkout: Path) -> None:
    """As all who build reproducibly expect (reproducible-builds.org: SOURCE_DATE_EPOCH)."""
    commit = examine(checkout, {"SOURCE_DATE_EPOCH": "86400"})

    assert commit.moment == datetime(1970, 1, 2, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("origin", "source"),
    [
        ("https://user:secret@git.example/a/b.git", "https://git.example/a/b"),
        ("https://git.example/a/b", "https://git.example/a/b"),
        ("/home/me/flight-recorder", ""),
        ("git@git.example:a/b.git", ""),
    ],
)
def test_source_holds_no_password_and_no_path(checkout: Path, origin: str, source: str) -> None:
    """The release is for everybody."""
    git(checkout, "remote", "add", "origin", origin)

    assert examine(checkout, {}).source == source


def test_source_of_a_workflow_is_its_repository(checkout: Path) -> None:
    """Whatever the checkout's remote is called."""
    environ = {"GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "a/b"}

    assert examine(checkout, environ).source == "https://git.example/a/b"


def test_changes_are_named(checkout: Path) -> None:
    """The first of them; a file that git does not know counts, since the build would pack it."""
    for number in range(7):
        (checkout / "extension" / f"new{number}.py").touch()

    with pytest.raises(
        ReleaseError, match=r"changes .*extension/.*: commit them or take them away"
    ):
        examine(checkout, {})


def test_ignored_file_in_the_package_is_named(checkout: Path) -> None:
    """Git calls the tree clean, and the build would pack the file; bytecode it leaves out."""
    (checkout / ".gitignore").write_text("*.tmp\n__pycache__/\n")
    commit_all(checkout)
    (checkout / "extension" / "__pycache__").mkdir()
    (checkout / "extension" / "__pycache__" / "a.pyc").touch()
    examine(checkout, {})
    (checkout / "extension" / "a.tmp").touch()

    with pytest.raises(ReleaseError, match=r"extension/a\.tmp is in no commit"):
        examine(checkout, {})


def test_version_without_a_section_is_refused(checkout: Path) -> None:
    """With the line that is missing."""
    (checkout / "CHANGELOG.md").write_text("## [Unreleased]\n")
    git(checkout, "commit", "-qam", "m")

    with pytest.raises(ReleaseError, match=re.escape("`## [1.2.3] - YYYY-MM-DD`")):
        examine(checkout, {})


def test_tag_of_another_version_is_refused(checkout: Path) -> None:
    """A tag is what people take the version from."""
    git(checkout, "tag", "v2.0.0")

    with pytest.raises(
        ReleaseError, match=r"tag v2\.0\.0, and extension/__init__\.py says 1\.2\.3"
    ):
        examine(checkout, {})


def test_folder_without_git_is_refused(checkout: Path, tmp_path: Path) -> None:
    """Nobody could say what was released."""
    (checkout / ".git").rename(tmp_path / "gone")

    with pytest.raises(ReleaseError, match="release from a clone"):
        examine(checkout, {})


def test_moment_that_is_no_number_is_refused(checkout: Path) -> None:
    """It would be silly to guess."""
    with pytest.raises(ReleaseError, match="SOURCE_DATE_EPOCH is today"):
        examine(checkout, {"SOURCE_DATE_EPOCH": "today"})
