"""Each intake by name, with the built layer under a real function: what is stored there is what the function wrote.

Loki, Splunk, Elasticsearch, Datadog and Logz.io are stood in for, see ``tests/services/intakes.py``; ClickHouse is real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.model.function import Function
from tests.end_to_end.support import accounts, problems, running, settings, write_python, wrote
from tests.services import clickhouse, intakes

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.cloud import LocalLambda

INTAKES = {
    "loki": (intakes.Loki, "", ""),
    "splunk": (intakes.Splunk, "", f"Authorization=Splunk {intakes.Splunk.token}"),
    "elasticsearch": (intakes.Elasticsearch, "/logs-shop-prod", ""),
    "datadog": (intakes.Datadog, "", f"DD-API-KEY={intakes.Datadog.key}"),
    "logzio": (intakes.Logzio, f"/?token={intakes.Logzio.token}", ""),
}


def _run(layer: Path, folder: Path, sink: str, headers: str) -> tuple[LocalLambda, str, str]:
    """Run a healthy invocation, and one that fails after writing lines of every kind; give their ids."""
    function = Function(
        code=write_python(folder),
        timeout_ms=10_000,
        environment=settings(sink=sink, sink_headers=headers),
    )
    with running(function, layers=[layer]) as cloud:
        healthy = cloud.invoke({})
        failed = cloud.invoke({"kind": "raise", "sorts": "first", "lines": 20})
    assert accounts(cloud)[0]["lost_lines"] == {}
    return cloud, healthy.request_id, failed.request_id


def _number(record_id: str) -> int:
    return int(record_id.rpartition("-")[2])


@pytest.mark.parametrize("kind", INTAKES)
def test_an_intake_stores_what_a_failed_invocation_wrote(
    layer_dir: Path, tmp_path: Path, kind: str
) -> None:
    """Every line, in order, once, with its request; of the healthy invocation its metrics at most."""
    make, rest, headers = INTAKES[kind]
    intake = make()

    try:
        cloud, healthy, failed = _run(layer_dir, tmp_path, f"{kind}+{intake.url}{rest}", headers)
    finally:
        intake.close()

    texts: dict[int, dict[int, str]] = {}
    for stored in intake.stored:
        assert stored.fields["requestId"] != healthy
        # To Logz.io the type of a log is the user's to choose.
        kinds = {stored.fields.get("type"), stored.fields.get("recordType")}
        if stored.fields["requestId"] == failed and "function" in kinds:
            part = int(stored.fields.get("part", "1/1").partition("/")[0])
            pieces = texts.setdefault(_number(stored.fields["id"]), {})
            assert part not in pieces
            pieces[part] = stored.line
    assert not problems(cloud)
    assert set(accounts(cloud)[0]["deliveries"]) == {"taken"}
    lines = ["".join(texts[n][part] for part in sorted(texts[n])) for n in sorted(texts)]
    assert lines == wrote(cloud, failed)


@pytest.mark.services
def test_clickhouse_stores_what_a_failed_invocation_wrote(layer_dir: Path, tmp_path: Path) -> None:
    """A real ClickHouse takes NDJSON as it is, gzipped; a record that its table has no place for comes to nothing alone.

    This old one does not take an object for a String, which the summary's record is: newer ones do by default.
    """
    server = clickhouse.server()
    table = server.make_table()

    cloud, healthy, failed = _run(layer_dir, tmp_path, server.insert_url(table), "")

    [problem] = problems(cloud)
    assert problem["reasons"] == ["unreadable"]
    rows = server.rows(table)
    assert healthy not in {row["requestId"] for row in rows}
    of_failed = [row for row in rows if row["requestId"] == failed and row["type"] == "function"]
    ordered = sorted(of_failed, key=lambda row: _number(row["id"]))
    assert [row["record"] for row in ordered] == wrote(cloud, failed)
