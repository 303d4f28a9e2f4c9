"""What docs/sinks/s3.md shows for DuckDB and Athena, tried with what reads these dialects."""

import gzip
import json
import re
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest

from extension.sinks.s3 import object_key
from tests.doubles.extension.chunks import ENVIRONMENT, STAMP, at, chunk
from tests.doubles.lambda_events import line
from tests.services.environment import needs_services

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sinks" / "s3.md").read_text("utf-8")
DIALECTS = ROOT / "tests" / "docs" / "dialects"
HIVE, TRINO = "org.apache.hadoop.hive.ql.parse.HiveParse", "TrinoParse"
FETCH_S, PARSE_S = 240, 60
NOON = datetime(2026, 2, 3, 4, 34, tzinfo=timezone.utc)

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]


def statements(section: str) -> list[str]:
    """Give the statements that a section of the page has."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return [
        one.strip().removesuffix(";") for one in re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    ]


DEFINITION, *QUERIES = statements("With Athena")


@pytest.fixture(scope="session")
def classpath(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the two parsers, and the programs that call them; skip where Java or they cannot be had."""
    for program in ("java", "javac", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on the path")
    folder = tmp_path_factory.mktemp("dialects")
    fetched = folder / "classpath"
    command = ["mvn", "-B", "-q", "-f", str(DIALECTS / "pom.xml"), "dependency:build-classpath"]
    done = subprocess.run(
        [*command, f"-Dmdep.outputFile={fetched}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=FETCH_S,
    )
    if done.returncode:
        pytest.skip(f"Maven cannot fetch the parsers: {done.stdout[-300:]}")
    path = fetched.read_text("utf-8").strip()
    sources = [str(one) for one in DIALECTS.glob("*.java")]
    subprocess.run(["javac", "-cp", path, "-d", str(folder), *sources], check=True, timeout=FETCH_S)
    return f"{folder}:{path}"


def parsed(classpath: str, program: str, statement: str) -> tuple[bool, str]:
    """Tell whether a parser takes a statement, and what it says."""
    done = subprocess.run(
        ["java", "-cp", classpath, program],
        input=statement,
        capture_output=True,
        text=True,
        check=False,
        timeout=PARSE_S,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0, done.stdout


def test_athena_definition_is_hive(classpath: str) -> None:
    """Hive's parser takes it, and refuses it without the backticks."""
    taken, tree = parsed(classpath, HIVE, DEFINITION)

    assert taken, tree
    assert tree.startswith("(tok_createtable (tok_tabname kept) external")
    assert not parsed(classpath, HIVE, DEFINITION.replace("`", ""))[0]


def test_athena_queries_are_trino(classpath: str) -> None:
    """Trino's parser takes each of them."""
    assert len(QUERIES) == 2
    for query in QUERIES:
        taken, said = parsed(classpath, TRINO, query)
        assert taken, said
        assert "kept" in said


def test_athena_projects_the_keys_that_the_sink_writes() -> None:
    """With the values of a key, the template is the folder of the key; each value is within its range, with its digits."""
    properties = dict(re.findall(r"'([a-z.]+)' =\s+'([^']*)'", DEFINITION))
    prefix = re.findall(r"LOCATION 's3://my-logs/([^']*)'", DEFINITION)[0]
    said = [chunk([line("a", time=at(NOON))])]
    key = object_key(prefix.strip("/"), said, b"", otherwise_s=0)
    values = dict(part.split("=") for part in key.split("/") if "=" in part)

    template = properties.pop("storage.location.template")
    assert template.startswith(f"s3://my-logs/{prefix}")
    for name, value in values.items():
        template = template.replace(f"${{{name}}}", value)
    assert f"s3://my-logs/{key}".rpartition("/")[0] + "/" == template
    assert properties.pop("projection.enabled") == "true"
    assert properties.pop("projection.function.type") == "injected"
    for name in ("year", "month", "day", "hour"):
        assert properties.pop(f"projection.{name}.type") == "integer"
        first, last = map(int, properties.pop(f"projection.{name}.range").split(","))
        assert first <= int(values[name]) <= last
        digits = properties.pop(f"projection.{name}.digits", "4")
        assert len(values[name]) == int(digits)
    assert properties == {}


def test_athena_columns_are_the_fields_of_a_record() -> None:
    """Athena has all names in lower case, and so has the SerDe."""
    columns = re.findall(r"`([a-z]+)`", DEFINITION.partition("PARTITIONED")[0])
    readme = (ROOT / "README.md").read_text("utf-8").partition("\n## Records\n")[2]
    fields = re.findall(r"^\| (`.*?`) \|", readme.partition("A record of type")[0], re.MULTILINE)
    named = [name.lower() for one in fields for name in re.findall(r"`(\w+)`", one)]

    assert sorted([*columns, "function"]) == sorted(named)


RUN = """
import duckdb, json, sys
print(json.dumps(duckdb.sql(sys.argv[1]).fetchall()))
"""


@pytest.mark.parametrize("kind", ["text", "objects", "both"])
def test_duckdb_query_reads_the_lines(kind: str, tmp_path: Path) -> None:
    """A line is the same, whether all records are texts, or objects, or some."""
    python = needs_services("python")
    if subprocess.run([str(python), "-c", "import duckdb"], check=False).returncode:
        pytest.skip("duckdb is not in the services' environment")
    texts: list[object] = ['[ERROR] Zeile\n"zwei" 🍏\n'] if kind != "objects" else []
    objects: list[object] = [{"level": "ERROR", "n": 8}] if kind != "text" else []
    folder = tmp_path / "function=checkout" / "year=2026" / "month=02" / "day=03" / "hour=04"
    folder.mkdir(parents=True)
    stated = [
        {"time": f"2026-02-03T04:00:0{n}.000Z", "type": "function", "record": record}
        | {"level": "ERROR", "requestId": STAMP.request_id, "id": f"{ENVIRONMENT}-{n}"}
        for n, record in enumerate([*texts, *objects])
    ]
    body = "".join(f"{json.dumps(one)}\n" for one in stated)
    (folder / "a.ndjson.gz").write_bytes(gzip.compress(body.encode()))
    (query,) = statements("With DuckDB")

    done = subprocess.run(
        [str(python), "-c", RUN, query.replace("s3://my-logs/lambda", str(tmp_path))],
        capture_output=True,
        text=True,
        check=False,
        timeout=PARSE_S,
    )

    assert done.returncode == 0, done.stderr
    lines = [row[2] for row in json.loads(done.stdout)]
    assert lines[: len(texts)] == texts
    assert [json.loads(one) for one in lines[len(texts) :]] == objects
