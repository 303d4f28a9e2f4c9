"""A real TLS front on this machine: Caddy, with a private certificate authority of its own.

It runs from the services' environment, is started at most once a test process, when it is first asked for, and ends
with that process. It takes what is posted to it and answers 200; under ``/bounded`` no more than ``MAX_BODY_BYTES``;
under ``/to/`` it passes on to the address in the header ``X-Upstream``.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.services.environment import READY_S, TIED_TO_PARENT, free_port, needs_services

MAX_BODY_BYTES = 64 * 1024

CONFIG = """{{
    admin off
    default_bind 127.0.0.1
    auto_https disable_redirects
    skip_install_trust
    storage file_system {folder}/storage
    log {{
        output discard
    }}
}}
https://127.0.0.1:{port} {{
    tls internal
    handle /bounded {{
        request_body {{
            max_size {bound}
        }}
        reverse_proxy 127.0.0.1:{own}
    }}
    handle_path /to/* {{
        reverse_proxy {{header.X-Upstream}}
    }}
    handle {{
        respond "taken" 200
    }}
}}
http://127.0.0.1:{own} {{
    respond "taken" 200
}}
"""


class Front(NamedTuple):
    """Where the front is, with a final slash, and the file with its authority."""

    url: str
    authority: Path


@functools.cache
def front() -> Front:
    """Give the front of this test process; skip the test where the services' environment has no Caddy."""
    program = needs_services("caddy")
    folder = Path(tempfile.mkdtemp(prefix="caddy-"))
    port, own = free_port(), free_port()
    config = folder / "Caddyfile"
    config.write_text(CONFIG.format(folder=folder, port=port, own=own, bound=MAX_BODY_BYTES))
    command = [program, "run", "--config", config, "--adapter", "caddyfile"]
    environ = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-c", TIED_TO_PARENT, *map(str, command)],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def stop() -> None:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    made = Front(f"https://127.0.0.1:{port}/", folder / "storage/pki/authorities/local/root.crt")
    until = time.monotonic() + READY_S
    while process.poll() is None and time.monotonic() < until:
        try:
            trust = ssl.create_default_context(cafile=made.authority)
            if httpx.get(made.url, verify=trust, trust_env=False).text == "taken":
                return made
        except (httpx.TransportError, OSError):
            pass
        time.sleep(0.02)
    pytest.fail(f"caddy did not start within {READY_S:.0f} s")
