"""Where the programs of the services are: an environment that `./build.sh test` makes from requirements-services.txt.

No test imports a package of it; what it needs of one, it asks a process started from there.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
VARIABLE = "FLIGHT_RECORDER_SERVICES"


def services_environment() -> Path:
    """Give the environment's folder: what FLIGHT_RECORDER_SERVICES names, else .cache/services."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else ROOT / ".cache" / "services"


def services_bin(name: str) -> Path:
    """Give a program's path there, such as that of `moto_server`, whether it is installed or not."""
    return services_environment() / "bin" / name


def needs_services(name: str) -> Path:
    """Give a program's path there; skip the test where it is not installed."""
    program = services_bin(name)
    if not program.exists():
        pytest.skip(f"{name} is not in {services_environment()}, which `./build.sh test` makes")
    return program


def needs_program(name: str, package: str) -> Path:
    """Give the path of a program of the machine; skip the test where it is not installed.

    Args:
        name: such as `clickhouse-server`.
        package: of Debian, which has it.
    """
    # Debian keeps what only root runs where an ordinary user's PATH does not lead.
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not on PATH: it is in Debian's package {package}")
    return Path(found)
