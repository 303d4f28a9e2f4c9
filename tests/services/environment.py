"""Where the programs of the services are: an environment that `./build.sh test` makes from requirements-services.txt.

No test imports a package of it; what it needs of one, it asks a process started from there.
"""

from __future__ import annotations

import itertools
import os
import secrets
import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
VARIABLE = "FLIGHT_RECORDER_SERVICES"

READY_S = 20.0
"""Half a second is usual; a machine that runs everything else at the same time takes longer."""

# A child whose parent is gone ends too: test workers may be ended by force. 1 is PR_SET_PDEATHSIG, see prctl(2).
TIED_TO_PARENT = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execv(sys.argv[1], sys.argv[1:])"
)

_numbers = itertools.count(1)


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


def free_port() -> int:
    """Give a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def unique(name: str) -> str:
    """Give a name that no other test of the session uses, in any process; fit for a bucket too."""
    return f"{name}-{os.getpid()}-{next(_numbers)}-{secrets.token_hex(2)}"
