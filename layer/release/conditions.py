"""Look whether a checkout may be released, and what of it.

Promises that a release is of one commit and nothing else, and that its version is in the changelog. Assumes git.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from layer.function_python.dependencies import RUNTIMES
from layer.origin import git, read_version

SHOWN_CHANGES = 5
"""Files that are named in an error; the others are counted."""


class ReleaseError(Exception):
    """There can be no release; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What is released.

    Attributes:
        version: of the extension.
        commit: the whole hash.
        moment: the time of everything that has one: SOURCE_DATE_EPOCH, or the commit's.
        source: the repository's address; empty where it has none that others could reach.
    """

    version: str
    commit: str
    moment: datetime
    source: str


def examine(root: Path, environ: Mapping[str, str]) -> Commit:
    """Return what may be released of a checkout.

    Raises:
        ReleaseError: its commit is not the whole truth, or says nothing of its version.
    """
    commit = git(root, "rev-parse", "HEAD")
    if commit is None:
        raise ReleaseError(
            "a release is of a commit, and git knows none here: release from a clone, with git on the path"
        )
    changes = (git(root, "status", "--porcelain") or "").splitlines()
    if changes:
        names = ", ".join(line.split(maxsplit=1)[-1] for line in changes[:SHOWN_CHANGES])
        more = f" and {len(changes) - SHOWN_CHANGES} more" if len(changes) > SHOWN_CHANGES else ""
        raise ReleaseError(
            f"the working tree has changes that are in no commit ({names}{more}): commit them or take them away"
        )
    # Also what git ignores: all of the package is packed.
    strays = [
        line
        for line in (git(root, "ls-files", "--others", "--", "extension") or "").splitlines()
        if "__pycache__" not in line
    ]
    if strays:
        raise ReleaseError(f"{strays[0]} is in no commit, although git ignores it: take it away")
    version = read_version(root / "extension")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## \[{re.escape(version)}\]", changelog, re.MULTILINE):
        raise ReleaseError(
            f"CHANGELOG.md has no section for {version}: make one of Unreleased, `## [{version}] - YYYY-MM-DD`, and commit it"
        )
    tags = (git(root, "tag", "--points-at", "HEAD", "--list", "v*") or "").splitlines()
    if tags and f"v{version}" not in tags:
        raise ReleaseError(
            f"the commit has the tag {tags[0]}, and extension/__init__.py says {version}: tag the commit of the version"
        )
    return Commit(
        version=version,
        commit=commit,
        moment=_moment(root, environ),
        source=_source(root, environ),
    )


def missing_pythons(pythons: Mapping[str, str]) -> list[str]:
    """Return the runtimes for which there is no interpreter, so that a layer would have no bytecode for them."""
    return [runtime for runtime in RUNTIMES if runtime not in pythons]


def _moment(root: Path, environ: Mapping[str, str]) -> datetime:
    given = environ.get("SOURCE_DATE_EPOCH") or git(root, "log", "-1", "--format=%ct") or "0"
    if not given.isdecimal():
        raise ReleaseError(f"SOURCE_DATE_EPOCH is {given}, which is no number of seconds")
    return datetime.fromtimestamp(int(given), timezone.utc)


def _source(root: Path, environ: Mapping[str, str]) -> str:
    """Return the address of the repository, without a password; a path of this machine is nobody else's business."""
    server, name = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    if server and name:
        return f"{server}/{name}"
    found = re.fullmatch(
        r"https://(?:[^/@]*@)?(.+?)(?:\.git)?/?", git(root, "remote", "get-url", "origin") or ""
    )
    return f"https://{found[1]}" if found else ""


def named(path: Path, root: Path) -> str:
    """Return a path as people read it."""
    return os.path.relpath(path, root) if path.is_relative_to(root) else str(path)
