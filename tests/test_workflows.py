"""`.github/`: workflows that a reader of workflows accepts, with every action pinned, and bots that look where something is."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.templates.validators import environ, python_tool

ROOT = Path(__file__).resolve().parent.parent
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))

MANIFESTS = {
    "pip": "requirements-layer.txt",
    "github-actions": ".github/workflows/ci.yml",
    "npm": "package.json",
    "terraform": "main.tf",
    "gomod": "go.mod",
    "cargo": "Cargo.toml",
    "maven": "pom.xml",
}
"""What a bot looks for in a folder."""


@pytest.mark.services
def test_zizmor_finds_nothing() -> None:
    """It reads workflows as an attacker does; without a network, so that no finding depends on one."""
    done = subprocess.run(
        [python_tool("zizmor"), "--offline", "--quiet", "--no-progress", GITHUB],
        capture_output=True,
        text=True,
        check=False,
        env=environ(),
        timeout=50,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version(workflow: Path) -> None:
    """A tag can be moved to other code, a commit cannot; the version is for people and for the bot."""
    used = re.findall(r"uses: (.+)", workflow.read_text("utf-8"))

    assert used
    for one in used:
        assert re.fullmatch(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one), one


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_have_the_permissions_that_they_name(workflow: Path) -> None:
    """None by default. A job that runs code of others may only read, but for what CodeQL finds."""
    text = workflow.read_text("utf-8")
    jobs = re.split(
        r"^  (?=[a-z]+:\n    name:)", text.partition("\njobs:\n")[2], flags=re.MULTILINE
    )[1:]

    assert "\npermissions: {}\n" in text
    for job in jobs:
        assert "    permissions:\n" in job
        written = set(re.findall(r"^ {6}([\w-]+): write", job, re.MULTILINE))
        allowed = {
            "Sign and upload": {"attestations", "contents", "id-token"},
            "CodeQL on ${{ matrix.language }}": {"security-events"},
        }
        name = re.findall(r"^    name: (.+)", job, re.MULTILINE)[0]
        assert written == allowed.get(name, set())
        assert "persist-credentials: false" in job or "actions/checkout" not in job


def test_workflow_runs_what_runs_here() -> None:
    """One script for both, and one command that makes a release."""
    ci, release = (GITHUB / "workflows" / name for name in ("ci.yml", "release.yml"))

    assert "- run: .ci/run\n" in ci.read_text("utf-8")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "./build.sh release --standalone\n" in release.read_text("utf-8")


def test_bot_looks_where_there_are_pins() -> None:
    """Each folder that it is told of has the file that it reads."""
    text = (GITHUB / "dependabot.yml").read_text("utf-8")
    entries = re.split(r"^  - ", text, flags=re.MULTILINE)[1:]
    found = {}
    for entry in entries:
        kind = re.findall(r"package-ecosystem: (\S+)", entry)[0]
        listed = re.findall(r"directory: (\S+)", entry)
        listed += re.findall(r"[^\s,\[\]]+", "".join(re.findall(r"directories: \[(.+)\]", entry)))
        found[kind] = listed

    assert found.keys() == MANIFESTS.keys()
    for kind, folders in found.items():
        assert all((ROOT / folder.lstrip("/") / MANIFESTS[kind]).is_file() for folder in folders), (
            kind
        )


def test_forms_ask_for_the_version_as_it_is_printed() -> None:
    """A report without one cannot be reproduced."""
    form = (GITHUB / "ISSUE_TEMPLATE" / "fault.yml").read_text("utf-8")

    assert "/opt/extensions/flight-recorder --version" in form
    assert "security advisory" in form
