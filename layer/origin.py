"""Tell what a layer was built from: the version, and the commit.

A layer's bytes do not depend on the commit, so that equal sources stay equal. The build writes the commit into a small file
beside the zip. Of a release the provenance has it. Either counts only for the zip whose hash it names.
"""

import hashlib
import json
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

GIT_TIMEOUT_S = 30.0
"""To look at all files of a checkout takes a tenth of a second; the rest is for a busy machine."""

SHORT = 7
"""Characters of a commit that people read, as GitHub shows them."""

_VERSION = re.compile(r'^__version__ = "([0-9][0-9A-Za-z.+-]*)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a zip was built from.

    Attributes:
        version: of the extension.
        commit: the checkout's; empty where there is no git.
        changed: whether the checkout had changes that are in no commit.
    """

    version: str
    commit: str = ""
    changed: bool = False

    def describe(self, kind: str) -> str:
        """Return one line for people, such as a layer's description."""
        words = [f"Flight Recorder {self.version}", kind]
        if self.commit:
            words.append(f"commit {self.commit[:SHORT]}{' with changes' if self.changed else ''}")
        return ", ".join(words)


def read_version(package: Path) -> str:
    """Return the version that the package in a folder has.

    Raises:
        ValueError: it has none.
    """
    found = _VERSION.search((package / "__init__.py").read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{package / '__init__.py'} has no __version__")
    return found[1]


def git(root: Path, *words: str) -> str | None:
    """Return what git says of a checkout; None where there is no git, or no checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def sha256(path: Path) -> str:
    """Return a file's hash in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def look_at(root: Path, package: Path) -> Origin:
    """Return the origin of what is built now, in a checkout."""
    commit = git(root, "rev-parse", "HEAD") or ""
    changed = bool(commit) and git(root, "status", "--porcelain") != ""
    return Origin(version=read_version(package), commit=commit, changed=changed)


def note(archive: Path, origin: Origin) -> str:
    """Write the origin of a zip beside it; return the zip's hash."""
    digest = sha256(archive)
    told = {"sha256": digest, **asdict(origin)}
    archive.with_suffix(".json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return digest


def read_note(archive: Path) -> Origin | None:
    """Return the origin of a zip; None if nothing beside it tells of these bytes."""
    digest = sha256(archive)
    for path in sorted({archive.with_suffix(".json"), *archive.parent.glob("*.provenance.json")}):
        try:
            origin = _origin_in(json.loads(path.read_text(encoding="utf-8")), digest)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # Somebody else's file.
        if origin is not None:
            return origin
    return None


def _origin_in(told: dict[str, object], digest: str) -> Origin | None:
    subjects = told.get("subject")
    if isinstance(subjects, list):
        if all(one["digest"]["sha256"] != digest for one in subjects):
            return None
        predicate: dict[str, dict[str, dict[str, str]]] = told["predicate"]  # type: ignore[assignment]
        parameters = predicate["buildDefinition"]["externalParameters"]
        return Origin(version=parameters["version"], commit=parameters["commit"])
    if told.get("sha256") != digest:
        return None
    return Origin(
        version=str(told["version"]), commit=str(told["commit"]), changed=bool(told["changed"])
    )
