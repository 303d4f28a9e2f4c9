"""Test the cache of clients and programs."""

from pathlib import Path

import pytest

from emulator.machine.installing import install_into, run_installer
from emulator.model.errors import ComponentMissing

MAVEN = (
    "printf '[INFO] scanning\\n[ERROR] no such artifact\\n[ERROR] [Help 1] see the wiki\\n'; exit 1"
)


def test_an_installer_finds_its_files_and_the_directory(tmp_path: Path) -> None:
    """The word TARGET stands for a directory that is moved when it is whole."""
    target = tmp_path / "client"

    made = install_into(
        target,
        ["sh", "-c", "cp pom.xml TARGET/copy"],
        what="the client",
        hint="it needs sh",
        files={"pom.xml": "<project/>"},
    )

    assert made == target
    assert (target / "copy").read_text() == "<project/>"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        pytest.param(MAVEN, "[ERROR] no such artifact", id="Maven's first error, on stdout"),
        pytest.param("echo one >&2; echo two >&2; exit 1", "two", id="the last line of others"),
        pytest.param("exit 3", "returned non-zero exit status 3", id="nothing was said"),
    ],
)
def test_a_failed_installer_is_told_in_one_line(tmp_path: Path, script: str, told: str) -> None:
    """The line of its output that says most, and what it needs."""
    with pytest.raises(ComponentMissing) as caught:
        run_installer(["sh", "-c", script], tmp_path, what="the client", hint="it needs luck")

    assert told in str(caught.value)
    assert str(caught.value).endswith("; it needs luck")
    assert "\n" not in str(caught.value)
