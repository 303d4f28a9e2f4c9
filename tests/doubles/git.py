"""Commits in a folder of a test, whatever the machine's own git is set to."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOMENT = "2026-11-30T12:00:00Z"
SETTINGS = ("user.name=a", "user.email=a@example.com", "commit.gpgsign=false", "tag.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    """Run git; give what it says."""
    options = [part for setting in SETTINGS for part in ("-c", setting)]
    done = subprocess.run(
        ["git", *options, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_DATE": MOMENT,
            "GIT_COMMITTER_DATE": MOMENT,
        },
        timeout=30,
    )
    return done.stdout.strip()


def commit_all(folder: Path) -> str:
    """Commit everything in a folder, which becomes a checkout; give the commit's hash."""
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "m")
    return git(folder, "rev-parse", "HEAD")
