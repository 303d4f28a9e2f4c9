"""Build the local Lambda's package and install it into an environment of its own, without a network."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = ("--quiet", "--no-index", "--no-deps", "--disable-pip-version-check")
RUN_S = 60


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that has to succeed; return what it prints."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build_wheel(requirement: str | Path, target: Path, *, cwd: Path = ROOT) -> Path:
    """Build a requirement with the backend of the running environment; return the wheel."""
    build = ("-m", "pip", "wheel", *OFFLINE, "--no-build-isolation", "-w", target)
    run(sys.executable, *build, requirement, cwd=cwd)
    (wheel,) = target.glob("*.whl")
    return wheel


def build(kind: str, source: Path, target: Path) -> Path:
    """Build a ``wheel`` or an ``sdist`` of a folder as pip does, but without pip's second to start; return it."""
    target.mkdir()
    code = f"import sys; from hatchling import build; build.build_{kind}(sys.argv[1])"
    run(sys.executable, "-c", code, target, cwd=source)
    (built,) = target.iterdir()
    return built


def install(wheel: Path, environment: Path) -> None:
    """Make a virtual environment that holds a wheel and nothing else."""
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=wheel.parent)
    pip = (sys.executable, "-m", "pip", "--python", environment / "bin" / "python")
    run(*pip, "install", *OFFLINE, wheel, cwd=wheel.parent)
