"""A real ClickHouse on this machine, for newline-delimited JSON over HTTP.

``clickhouse-server`` is Debian's package, an old ClickHouse (18.16), whose HTTP interface is that of today's. It runs on
a port of its own with its data in a temporary folder, is started at most once a test process, when it is first asked
for, and ends with that process. Tests make a table of their own each.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.services.environment import READY_S, TIED_TO_PARENT, free_port, unique

COLUMNS = (
    "time String, type String, record String, level String, requestId String, traceId String,"
    " function String, reason String, weight Float64, id String"
)
"""Of the record format, but for ``version``: fields that a table does not have are to be skipped."""

CONFIG = """<yandex>
  <logger><level>none</level></logger>
  <http_port>{http}</http_port><tcp_port>{tcp}</tcp_port>
  <listen_host>127.0.0.1</listen_host>
  <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>
  <users_config>{folder}/users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>16777216</mark_cache_size>
</yandex>
"""

USERS = """<yandex>
  <profiles><default><max_memory_usage>200000000</max_memory_usage></default></profiles>
  <users><default>
    <password></password><networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile><quota>default</quota>
  </default></users>
  <quotas><default></default></quotas>
</yandex>
"""


class ClickHouse:
    """A running server. ``address`` is host and port."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = httpx.Client(base_url=f"http://{address}", trust_env=False)

    def ask(self, query: str) -> str:
        """Run a query."""
        response = self._client.post("/", content=query.encode())
        assert response.status_code == 200, response.text
        return response.text

    def rows(
        self, table: str, columns: str = "*", *, order_by: str = "time"
    ) -> list[dict[str, Any]]:
        """Read what is in a table, each row once."""
        query = f"SELECT DISTINCT {columns} FROM {table} ORDER BY {order_by} FORMAT JSONEachRow"  # noqa: S608 - our own words
        return [json.loads(row) for row in self.ask(query).splitlines()]

    def make_table(self) -> str:
        """Make a table for records, and give its name."""
        name = unique("records").replace("-", "_")
        self.ask(f"CREATE TABLE {name} ({COLUMNS}) ENGINE = Memory")
        return name

    def insert_url(self, table: str) -> str:
        """Give the URL to post records to."""
        query = quote(f"INSERT INTO {table} FORMAT JSONEachRow")
        return f"http://{self.address}/?input_format_skip_unknown_fields=1&query={query}"


@functools.cache
def server() -> ClickHouse:
    """Give the server of this test process; skip the test where ClickHouse is not installed."""
    program = shutil.which("clickhouse-server", path=f"{os.environ['PATH']}:/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip("clickhouse-server is not installed: `apt-get install clickhouse-server`")
    folder = Path(tempfile.mkdtemp(prefix="clickhouse-"))
    port = free_port()
    config = folder / "config.xml"
    config.write_text(CONFIG.format(http=port, tcp=free_port(), folder=folder))
    (folder / "users.xml").write_text(USERS)
    command = [sys.executable, "-c", TIED_TO_PARENT, program, f"--config-file={config}"]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def stop() -> None:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    address = f"127.0.0.1:{port}"
    until = time.monotonic() + READY_S
    while process.poll() is None and time.monotonic() < until:
        try:
            if httpx.get(f"http://{address}/ping", trust_env=False).text == "Ok.\n":
                return ClickHouse(address)
        except httpx.TransportError:
            pass
        time.sleep(0.01)
    pytest.fail(f"clickhouse-server did not start within {READY_S:.0f} s")
