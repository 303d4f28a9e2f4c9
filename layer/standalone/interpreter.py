"""Make and keep the interpreters of the standalone layers, with their sources and the compiler.

Promises the folder of an interpreter for x86_64 or arm64, made on either machine. It is compiled once, and again when the
sources, the compiler or the recipe (`compiling.py`) change. Assumes of the machine: Linux, apt with a mirror of
Debian's, make, perl, patch and a package index.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from layer.function_python.dependencies import BuildError, run_pip
from layer.standalone import compiling
from layer.standalone.apt import PrivateApt
from layer.standalone.compiling import (
    ARCHITECTURES,
    LAUNCHER_FLAGS,
    RELEASE,
    SOURCES,
    STEP_TIMEOUT_SECONDS,
    Build,
    compiler_environ,
)
from terminal.waiting import still


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """The place where interpreters are made and kept.

    Attributes:
        folder: all files, reused from one build to the next.
        requirements: the pinned, hashed file that names the compiler.
        jobs: how many compilers run at a time.
        allow_older: take older sources where the mirror lists newer ones than it has.
    """

    folder: Path
    requirements: Path
    jobs: int = os.cpu_count() or 1
    allow_older: bool = True

    def interpreter(self, architecture: str, *, refresh: bool = False) -> Path:
        """Return the folder of the interpreter for `architecture` (Lambda's name); make it if it is missing.

        Args:
            architecture: `x86_64` or `arm64`.
            refresh: ask the mirror whether there are newer sources.

        Raises:
            BuildError: something is missing here or does not compile.
        """
        sources = self._sources(refresh=refresh)
        key = self._key(sources)
        finished = self.folder / f"cpython-{architecture}-{key}"
        if finished.is_dir():
            return finished
        build_python = None
        if ARCHITECTURES[architecture] != platform.machine():
            # A cross build runs a Python of the very same version: the one for this machine.
            [own] = [name for name, arch in ARCHITECTURES.items() if arch == platform.machine()]
            build_python = self.interpreter(own) / "bin" / "python3"
        print(
            f"  CPython for {architecture}, compiled once (some ten minutes on two cores)",
            flush=True,
        )
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="building-") as scratch:
            build = Build(
                folder=Path(scratch),
                arch=ARCHITECTURES[architecture],
                build_python=build_python,
                log=self.folder / f"cpython-{architecture}.log",
                jobs=self.jobs,
            )
            build.log.write_text("", encoding="utf-8")
            build.prepare(self._zig(), sources)
            made = build.make()
            made.replace(finished)
        return finished

    @still("compiling the launcher")
    def launcher(self, architecture: str, source: Path) -> Path:
        """Return the static program of one C file, compiled once; it runs in any container image.

        Raises:
            BuildError: it does not compile.
        """
        zig = self._zig()
        key = hashlib.sha256(source.read_bytes() + str([zig.parent, LAUNCHER_FLAGS]).encode())
        finished = self.folder / f"launcher-{architecture}-{key.hexdigest()[:16]}"
        if not finished.is_file():
            partial = self.folder / f"launcher-{architecture}.part"
            target = f"{ARCHITECTURES[architecture]}-linux-musl"
            command = [str(zig), "cc", "-target", target, "-static", *LAUNCHER_FLAGS]
            done = subprocess.run(
                [*command, "-o", str(partial), source.name],
                capture_output=True,
                text=True,
                check=False,
                cwd=source.parent,
                env=compiler_environ(self.folder),
                timeout=STEP_TIMEOUT_SECONDS,
            )
            if done.returncode != 0:
                raise BuildError(f"{source.name} does not compile:\n{done.stderr}")
            partial.replace(finished)
        return finished

    def launcher_license(self) -> Path:
        """Return the licence of the C library in a launcher."""
        return self._zig().parent / "lib" / "libc" / "musl" / "COPYRIGHT"

    def versions(self) -> list[str]:
        """Return the source packages that interpreters are made of, with Debian's versions."""
        return [
            path.stem.replace("_", " ")
            for path in self._sources(refresh=False)
            if path.suffix == ".dsc"
        ]

    def refresh(self) -> None:
        """Fetch the newest sources that the mirror lists.

        Raises:
            OlderError: it does not have them, and older ones are not allowed.
            BuildError: there is no mirror, or it does not answer.
        """
        self._sources(refresh=True)

    def older(self) -> list[str]:
        """Return in words which of the sources were older than the mirror's lists when they were fetched."""
        return self._older.read_text(encoding="utf-8").splitlines() if self._older.exists() else []

    def source_hashes(self) -> dict[str, tuple[str, str]]:
        """Return the description (`.dsc`) of each source package, which has the hashes of its files, and its SHA-256."""
        return {
            path.name.partition("_")[0]: (path.name, hashlib.sha256(path.read_bytes()).hexdigest())
            for path in self._sources(refresh=False)
            if path.suffix == ".dsc"
        }

    def _zig(self) -> Path:
        pins = self.requirements.read_text(encoding="utf-8")
        zig = self.folder / f"zig-{hashlib.sha256(pins.encode()).hexdigest()[:16]}"
        if not zig.is_dir():
            print("  the compiler (a wheel of 100 MB)", flush=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder, prefix="fetching-") as scratch:
                target = Path(scratch) / "zig"
                run_pip([], self.requirements, target)
                target.replace(zig)
        return zig / "ziglang" / "zig"

    def _sources(self, *, refresh: bool) -> list[Path]:
        kept = self.folder / f"sources-{RELEASE}"
        if refresh or not kept.is_dir():
            print(f"  sources of {', '.join(SOURCES)} from Debian {RELEASE}", flush=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder, prefix="fetching-") as scratch:
                target = Path(scratch) / "sources"
                apt = PrivateApt(
                    folder=self.folder / "apt", release=RELEASE, allow_older=self.allow_older
                )
                older = apt.fetch_sources(list(SOURCES), target)
                if kept.is_dir():
                    shutil.rmtree(kept)
                target.replace(kept)
            self._older.write_text("".join(f"{one}\n" for one in older), encoding="utf-8")
        return sorted(kept.iterdir())

    @property
    def _older(self) -> Path:
        # Beside the sources: it is no part of what an interpreter is made of.
        return self.folder / f"older-{RELEASE}"

    def _key(self, sources: list[Path]) -> str:
        digest = hashlib.sha256()
        for path in [Path(compiling.__file__), self.requirements, *sources]:
            digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        return digest.hexdigest()[:16]
