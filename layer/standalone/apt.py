"""Fetch packages of a Debian release with apt, without root and without changes to the machine's own apt.

Promises files whose hashes apt has checked against a release that Debian's keys have signed, or an error. The mirrors are
those of the machine's own apt, whatever release the machine has. A folder of ours holds apt's files. Assumes apt, and
Debian's archive keys where Debian installs them.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cmp_to_key
from pathlib import Path

from layer.function_python.dependencies import BuildError
from terminal.waiting import still

TIMEOUT_SECONDS = 300.0
"""Some 60 MB of sources come in seconds; a mirror that does not answer must not hang a build."""

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# A target of the machine's apt: where it is, and what it calls the release.
TARGETS = "$(REPO_URI)\t$(RELEASE)\t$(ORIGIN)"


class OlderError(BuildError):
    """The mirror lists newer sources than it has, and older ones are not allowed."""


class NoMirrorError(BuildError):
    """This machine has no apt, or one without a mirror of Debian's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateApt:
    """An apt of our own, for one release.

    Attributes:
        folder: its files; created when needed.
        release: Debian's name for it.
        architectures: as Debian names them; the first is apt's "own".
        timeout_s: the most that one call of apt-get takes.
        allow_older: of a source package whose newest version the mirror lists and does not have, take the one before.
    """

    folder: Path
    release: str
    architectures: tuple[str, ...] = ("amd64",)
    timeout_s: float = TIMEOUT_SECONDS
    allow_older: bool = True

    def fetch_sources(self, packages: list[str], target: Path) -> list[str]:
        """Fetch the files of source packages into `target`; return what is older there than the mirror's lists, in words.

        Raises:
            OlderError: a package is older, which is not allowed.
            BuildError: there is no apt, no mirror of Debian's, or no such package.
        """
        self._update()
        target.mkdir(parents=True, exist_ok=True)
        older = [self._fetch_source(package, target) for package in packages]
        return [one for one in older if one]

    def fetch_binaries(self, packages: list[str], target: Path) -> list[Path]:
        """Fetch binary packages (`libc6:arm64`) into `target`, and return them by name.

        Raises:
            BuildError: as above.
        """
        self._update()
        target.mkdir(parents=True, exist_ok=True)
        self._run(["download", *packages], target)
        return sorted(path for path in target.iterdir() if path.is_file())

    def _fetch_source(self, package: str, target: Path) -> str:
        """Fetch the newest complete version; a mirror that lags behind lists more than it has.

        Return what is older about it, in words; nothing if it is the newest.
        """
        versions = newest, *_ = self._versions(package)
        for version in versions:
            problem = self._download(package, version, target)
            if problem is None:
                return "" if version == newest else f"{package} {version} instead of {newest}"
            if version == versions[-1]:
                raise problem
            if not self.allow_older:
                raise OlderError(
                    f"the mirror lists {package} {version} and does not have it ({problem}); what is older may lack"
                    " fixes of security: try again later, or with another mirror of Debian's in apt's sources"
                ) from problem
        return ""

    def _download(self, package: str, version: str, target: Path) -> BuildError | None:
        """Fetch a version; return what went wrong, and leave nothing of it."""
        try:
            self._run(["source", "--download-only", f"{package}={version}"], target)
        except BuildError as error:
            for left in target.glob(f"{package}_*"):
                left.unlink()
            return error
        return None

    def _versions(self, package: str) -> list[str]:
        """Return the versions of a source package, newest first."""
        environ = {**os.environ, "APT_CONFIG": str(self.folder / "apt.conf"), "LC_ALL": "C"}
        said = _call(["apt-cache", "showsrc", package], cwd=self.folder, environ=environ).stdout
        found = re.findall(
            rf"^Package: {re.escape(package)}\n(?:.+\n)*?Version: (.+)$", said, re.MULTILINE
        )
        if not found:
            raise BuildError(f"Debian {self.release} has no source package {package}")
        return sorted(set(found), key=cmp_to_key(_compare), reverse=True)

    def _update(self) -> None:
        """Update the lists of the release. This takes a second where nothing has changed, so it is done each time."""
        sources = _sources(self.release)
        for name in ("lists/partial", "archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        (self.folder / "sources.list").write_text(sources, encoding="utf-8")
        quoted = " ".join(f'"{name}";' for name in self.architectures)
        (self.folder / "apt.conf").write_text(
            f'APT::Architecture "{self.architectures[0]}";\n'
            f"APT::Architectures {{ {quoted} }};\n"
            # Root's apt would fetch as a user who may not write here.
            f'APT::Sandbox::User "root";\n'
            f'Dir::State "{self.folder}";\n'
            f'Dir::State::lists "{self.folder}/lists";\n'
            f'Dir::State::status "{self.folder}/status";\n'
            f'Dir::Cache "{self.folder}";\n'
            f'Dir::Cache::archives "{self.folder}/archives";\n'
            f'Dir::Etc::sourcelist "{self.folder}/sources.list";\n'
            f'Dir::Etc::sourceparts "/dev/null";\n'
            f'Dir::Etc::preferencesparts "/dev/null";\n'
            f'Acquire::Languages "none";\n',
            encoding="utf-8",
        )
        self._run(["update", "-qq", "-o", "APT::Update::Error-Mode=any"], self.folder)

    def _run(self, words: list[str], cwd: Path) -> None:
        environ = {**os.environ, "APT_CONFIG": str(self.folder / "apt.conf"), "LC_ALL": "C"}
        # Read last, and so stronger than what the machine's own files say of the same.
        command = ["apt-get", "-qq", "-c", str(self.folder / "apt.conf"), *words]
        done = _call(command, cwd=cwd, environ=environ, timeout_s=self.timeout_s)
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise BuildError(f"apt-get {words[0]} failed for Debian {self.release}: {reason}")


def _sources(release: str) -> str:
    """Return a sources.list for `release`, from the mirrors that the machine's own apt has.

    Raises:
        BuildError: it has none of Debian's.
    """
    command = ["apt-get", "indextargets", "--format", TARGETS, "Created-By: Packages"]
    lines = []
    for line in _call(command, cwd=Path("/"), environ=dict(os.environ)).stdout.splitlines():
        uri, suite, origin = line.split("\t")
        # Before the first `apt-get update` it is not known whose a mirror is: then its path tells.
        is_debian = origin == "Debian" or (origin.startswith("$(") and "debian" in uri)
        kind = suite.partition("-")[2]
        if not is_debian or kind not in {"", "security", "updates"}:
            continue
        wanted = f"{release}-{kind}" if kind else release
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        for type_ in ("deb", "deb-src"):
            entry = f"{type_} {signed}{uri} {wanted} main"
            if entry not in lines:
                lines.append(entry)
    if not lines:
        raise NoMirrorError(
            "the interpreter is compiled from Debian's sources, and this machine's apt has no mirror"
            " of Debian: build on Debian (apt-get update first), or with --interpreter uv"
        )
    return "\n".join(lines) + "\n"


def _compare(one: str, other: str) -> int:
    """Compare two versions by Debian's rules."""
    command = ["dpkg", "--compare-versions", one, "lt", other]
    return -1 if _call(command, cwd=Path("/"), environ={}).returncode == 0 else 1


def _call(
    command: list[str], *, cwd: Path, environ: dict[str, str], timeout_s: float = TIMEOUT_SECONDS
) -> subprocess.CompletedProcess[str]:
    try:
        with still("fetching from Debian's mirror"):
            return subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                cwd=cwd,
                env=environ,
                timeout=timeout_s,
            )
    except FileNotFoundError as error:
        raise NoMirrorError(
            f"{command[0]} is missing, with which sources are fetched from Debian's mirror: build on"
            " Debian, or with --interpreter uv"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{command[0]} got no answer in {timeout_s:.0f} s") from error
