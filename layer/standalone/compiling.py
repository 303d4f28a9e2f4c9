"""Compile CPython from Debian's sources, so that it needs nothing but glibc. This is the recipe alone.

Promises a folder with `bin/python3` and the standard library under `lib/`. Extension modules, OpenSSL and zlib are
linked into the executable: a start opens few files, and no `LD_LIBRARY_PATH` of a function can replace the libraries.
The result holds neither the folder nor the moment of its compilation.

Assumes of AWS that the oldest glibc of a runtime is Amazon Linux 2's, 2.26 ("Lambda runtimes" in the AWS Lambda Developer
Guide). A change of this file compiles every interpreter anew.
"""

import os
import platform
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from layer.function_python.dependencies import BuildError
from terminal.waiting import still

OLDEST_GLIBC = (2, 26)
"""Amazon Linux 2's; every other runtime has a newer one."""

ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Lambda's names, and those of compilers."""

RELEASE = "trixie"
"""Debian's: the first with OpenSSL 3.5, which loads the certificate authorities in a quarter of the time of 3.0."""

PYTHON, OPENSSL, ZLIB = SOURCES = ("python3.13", "openssl", "zlib")

PREFIX = "/opt/flight-recorder"
"""The path in Lambda. The interpreter must not name the folder in which it was made."""

STEP_TIMEOUT_SECONDS = 3600.0
"""The longest step takes three minutes on two cores; the rest is for a smaller or busier machine."""

COMPILER = """#!/bin/sh
exec "{zig}" cc -target {arch}-linux-gnu.{glibc} -fno-sanitize=undefined -Wno-builtin-macro-redefined \\
    '-D__DATE__="Jan  1 1980"' '-D__TIME__="00:00:00"' "$@" -g0
"""
"""Two builds give the same bytes, so neither holds a date."""

LAUNCHER_FLAGS = ("-O2", "-s", "-Wall", "-Wextra", "-Werror", "-fno-sanitize=undefined")

OPENSSL_OPTIONS = """
no-shared no-tests no-apps no-docs no-module no-legacy no-engine no-quic no-cmp no-ts no-srp no-psk no-dtls no-ssl3
no-tls1 no-tls1_1 no-ssl-trace no-ct no-ocsp no-cms no-gost no-weak-ssl-ciphers no-aria no-bf no-blake2 no-camellia
no-cast no-idea no-md4 no-mdc2 no-rc2 no-rc4 no-rmd160 no-seed no-siphash no-sm2 no-sm3 no-sm4 no-whirlpool
no-dsa no-ec2m no-ml-dsa no-slh-dsa no-srtp no-comp no-ui-console no-rfc3779 no-nextprotoneg
no-autoload-config
""".split()  # noqa: SIM905 - a list of forty words reads better so
"""The rest is a client of TLS 1.2 and 1.3. MD5, SHA-1 and ML-KEM stay: hashes of old protocols, and a key exchange."""

LEFT_OUT = """
_ctypes _tkinter _sqlite3 _curses _curses_panel readline _dbm _gdbm _uuid _bz2 _lzma _decimal pyexpat _elementtree
_codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _multibytecodec _lsprof _zoneinfo
_multiprocessing _posixshmem syslog termios resource _statistics xxsubtype xxlimited xxlimited_35
""".split()  # noqa: SIM905 - the same
"""Extension modules that nothing here imports. _interpqueues and _interpchannels stay: anyio needs them, and httpcore
hides that it has no anyio."""

# In Debian's package fixes end in .patch and what adapts paths to Debian in .diff.
PYTHON_FIX = re.compile(r".+\.patch$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One compilation in a temporary folder."""

    folder: Path
    arch: str
    build_python: Path | None
    log: Path
    jobs: int

    @still("unpacking sources")
    def prepare(self, zig: Path, sources: list[Path]) -> None:
        """Unpack the sources and apply Debian's fixes."""
        _write_compiler(self.folder / "compiler", zig, self.arch)
        for package in SOURCES:
            self._unpack(package, [path for path in sources if path.name.startswith(f"{package}_")])

    def make(self) -> Path:
        """Compile everything and return the folder with the interpreter."""
        staging = self.folder / "deps"
        deps = staging / PREFIX.lstrip("/")
        self._run(
            ZLIB,
            ["./configure", "--static", f"--prefix={PREFIX}"],
            ["make", f"-j{self.jobs}", "libz.a"],
            ["make", "install", f"DESTDIR={staging}"],
            environ={"CHOST": f"{self.arch}-linux-gnu", "CFLAGS": "-O3 -fPIC"},
        )
        self._run(
            OPENSSL,
            [
                *("./Configure", f"linux-{self.arch}", f"--prefix={PREFIX}", "--libdir=lib"),
                *("--openssldir=/etc/pki/tls", *OPENSSL_OPTIONS),
                *("-Os", "-ffunction-sections", "-fdata-sections"),
            ],
            ["make", f"-j{self.jobs}", "build_libs"],
            ["make", "install_dev", f"DESTDIR={staging}"],
        )
        self._run(
            PYTHON,
            ["./configure", *self._python_options(deps)],
            ["make", f"-j{self.jobs}", "python"],
            environ={"MODULE_BUILDTYPE": "static"},
        )
        return self._lay_out()

    def _python_options(self, deps: Path) -> list[str]:
        options = [
            *(f"--prefix={PREFIX}", "--disable-shared", "--with-ensurepip=no"),
            *("--disable-test-modules", "--without-doc-strings", "--without-static-libpython"),
            *(f"--with-openssl={deps}", "CFLAGS=-O3 -ffunction-sections -fdata-sections"),
            *("LDFLAGS=-Wl,--gc-sections", "LDFLAGS_NODIST=-s"),
            *(f"ZLIB_CFLAGS=-I{deps}/include", f"ZLIB_LIBS=-L{deps}/lib -lz"),
            *("ac_cv_working_openssl_ssl=yes", "ac_cv_working_openssl_hashlib=yes"),
            *(f"py_cv_module_{name}=n/a" for name in LEFT_OUT),
        ]
        if self.build_python is not None:
            options += [
                *(f"--build={platform.machine()}-linux-gnu", f"--host={self.arch}-linux-gnu"),
                # What configure would have to run a program to find out.
                *("ac_cv_buggy_getaddrinfo=no", "ac_cv_file__dev_ptmx=yes"),
                *("ac_cv_file__dev_ptc=no", f"--with-build-python={self.build_python}"),
            ]
        return options

    @still("laying out the interpreter")
    def _lay_out(self) -> Path:
        made = self.folder / "made"
        source = self._source(PYTHON)
        (made / "bin").mkdir(parents=True)
        shutil.copyfile(source / "python", made / "bin" / "python3")
        (made / "bin" / "python3").chmod(0o755)
        library = made / "lib" / PYTHON
        shutil.copytree(
            source / "Lib", library, ignore=shutil.ignore_patterns("__pycache__", "test")
        )
        shutil.copyfile(source / "LICENSE", library / "LICENSE.txt")
        for package, name in ((OPENSSL, "LICENSE.txt"), (ZLIB, "LICENSE")):
            shutil.copyfile(self._source(package) / name, library / f"LICENSE-{package}.txt")
        return made

    def _source(self, package: str) -> Path:
        [folder] = [
            path
            for path in (self.folder / package).iterdir()
            if path.is_dir() and path.name != "debian"
        ]
        return folder

    def _unpack(self, package: str, files: list[Path]) -> None:
        target = self.folder / package
        target.mkdir()
        for path in files:
            if path.name.endswith((".tar.xz", ".tar.gz")):
                with tarfile.open(path) as archive:
                    _extract(archive, target)
        patches = target / "debian" / "patches"
        series = patches / "series"
        names = series.read_text(encoding="utf-8").split("\n") if series.exists() else []
        for line in names:
            name = line.partition("#")[0].strip()
            if not name or (package == PYTHON and not PYTHON_FIX.match(name)):
                continue
            self._run(package, ["patch", "-p1", "--force", "--input", str(patches / name)])

    def _run(
        self, package: str, *commands: list[str], environ: dict[str, str] | None = None
    ) -> None:
        """Run commands in the folder of a package's sources, with the compiler; their output goes to the log."""
        everything = {
            **compiler_environ(self.log.parent),
            "PATH": f"{self.folder / 'compiler'}:{os.environ['PATH']}",
            "CC": "zig-cc",
            "AR": "zig-ar",
            "RANLIB": "zig-ranlib",
            **(environ or {}),
        }
        for command in commands:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"\n$ {' '.join(command)}\n")
                log.flush()
                try:
                    with still(f"compiling {package} for {self.arch} ({_shown(command)})"):
                        done = subprocess.run(
                            command,
                            stdin=subprocess.DEVNULL,
                            stdout=log,
                            stderr=subprocess.STDOUT,
                            check=False,
                            cwd=self._source(package),
                            env=everything,
                            timeout=STEP_TIMEOUT_SECONDS,
                        )
                except FileNotFoundError as error:
                    raise BuildError(
                        f"{command[0]} is missing, which compiling {package} needs"
                    ) from error
            if done.returncode != 0:
                raise BuildError(f"{package}: {command[0]} failed; all it said is in {self.log}")


def _shown(command: list[str]) -> str:
    """Return the name of a step: its program and its first plain word, as in "make install"."""
    words = [word for word in command[1:] if not word.startswith(("-", "/")) and "=" not in word]
    return " ".join([Path(command[0]).name, *words[:1]])


def compiler_environ(folder: Path) -> dict[str, str]:
    """Return the environment in which the compiler keeps its own files below `folder`."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ZIG_GLOBAL_CACHE_DIR": str(folder / "zig-cache"),
        "ZIG_LOCAL_CACHE_DIR": str(folder / "zig-cache"),
        "LC_ALL": "C",
        "SOURCE_DATE_EPOCH": "315532800",
    }


def _extract(archive: tarfile.TarFile, target: Path) -> None:
    if hasattr(tarfile, "data_filter"):
        archive.extractall(target, filter="data")
    else:  # Pythons without it; apt has checked where the archive is from.
        archive.extractall(target)  # noqa: S202 - see above


def _write_compiler(tools: Path, zig: Path, arch: str) -> None:
    """Write the programs `zig-cc`, `zig-ar` and `zig-ranlib` for `arch` into the folder `tools`."""
    tools.mkdir(parents=True, exist_ok=True)
    glibc = ".".join(map(str, OLDEST_GLIBC))
    _write_program(tools / "zig-cc", COMPILER.format(zig=zig, arch=arch, glibc=glibc))
    for name in ("ar", "ranlib"):
        _write_program(tools / f"zig-{name}", f'#!/bin/sh\nexec "{zig}" {name} "$@"\n')


def _write_program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
