"""Make a directory once and keep it: fetched runtime clients, and built programs."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from emulator.model.errors import ComponentMissing

# npm compiles libcurl and a native module: 67 s on two cores. cargo compiles 70 crates: 55 s on one.
INSTALL_TIMEOUT_S = 600

# People take some ten seconds of silence for a hang.
SAY_EVERY_S = 7.0


def cache_directory() -> Path:
    """Return the directory for fetched clients: ``LAMBDA_EMULATOR_CACHE``, else .cache/ beside the package."""
    given = os.environ.get("LAMBDA_EMULATOR_CACHE")
    if given:
        return Path(given)
    beside = Path(__file__).resolve().parents[2]
    if (beside / "pyproject.toml").exists() and os.access(beside, os.W_OK):
        return beside / ".cache" / "emulator"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lambda-emulator"


@contextlib.contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Provide a temporary neighbour of the target; move it there at the end, or remove it after an error."""
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        with contextlib.suppress(OSError):  # another process was quicker
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def install_into(
    target: Path,
    command: list[str],
    *,
    what: str,
    hint: str,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Run an installer in a new directory, keep the directory as the target, and return it.

    Args:
        target: The directory to make.
        command: The word TARGET in it is the new directory.
        what: The name of what is installed, for the message.
        hint: The end of the message: what the installer needs.
        files: Files that the installer finds in the directory.

    Raises:
        ComponentMissing: The installer failed.
    """
    with staged(target) as partial:
        for name, text in (files or {}).items():
            (partial / name).write_text(text, encoding="utf-8")
        words = [word.replace("TARGET", str(partial)) for word in command]
        run_installer(words, partial, what=what, hint=hint)
    return target


def run_installer(
    command: list[str], cwd: Path, *, what: str, hint: str, environ: Mapping[str, str] | None = None
) -> None:
    """Run an installer or a compiler.

    Raises:
        ComponentMissing: It failed. The message has the line of its output that tells most.
    """
    try:
        _run_aloud(command, cwd, what=what, environ={**os.environ, **(environ or {})})
    except (OSError, subprocess.SubprocessError) as error:
        told = [getattr(error, name, None) or b"" for name in ("stdout", "stderr")]
        line = _telling(b"\n".join(told).decode("utf-8", "replace")) or str(error)
        raise ComponentMissing(f"{what} could not be installed ({line}); {hint}") from error


def _run_aloud(command: list[str], cwd: Path, *, what: str, environ: Mapping[str, str]) -> None:
    """Run a command, and say on standard error every SAY_EVERY_S that it still runs."""
    began_s = time.monotonic()
    out, err = b"", b""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=environ,
    ) as process:
        while True:
            try:
                out, err = process.communicate(timeout=SAY_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                passed_s = time.monotonic() - began_s
                if passed_s > INSTALL_TIMEOUT_S:
                    process.kill()
                    raise
                sys.stderr.write(f"  still installing {what} ({passed_s:.0f} s)\n")
                sys.stderr.flush()
            except BaseException:
                process.kill()
                raise
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command, out, err)


def _telling(output: str) -> str | None:
    """Return Maven's first error, or the last line of any other program; None without output."""
    # npm ends with the name of its log, which says nothing to the reader.
    lines = [line for line in output.splitlines() if line.strip() and "complete log" not in line]
    errors = [line for line in lines if line.startswith("[ERROR]")]
    return next(iter(errors or lines[-1:]), None)
