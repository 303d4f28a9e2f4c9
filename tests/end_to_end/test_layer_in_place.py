"""The layer in hostile surroundings: the function's own modules and variables, other layers, any Python."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emulator.model.function import Function
from tests.end_to_end.support import (
    EXTENSION,
    ROOMY_TIMEOUT_MS,
    Delivered,
    assert_records,
    recorded_function,
    registrations,
    running,
    settings,
    write_bash,
    write_python,
    wrote,
)

PYTHON = Path(sys.base_prefix) / "bin" / "python3"
BOTH_ISOLATIONS = pytest.mark.parametrize("isolation", ["auto", "relocated"])

BROKEN_MODULE = "raise RuntimeError('the extension must not import this')\n"


# Surroundings -----------------------------------------------------------------------------------------------------


@BOTH_ISOLATIONS
def test_the_functions_own_modules_do_not_get_in_the_way(
    layer_dir: Path, tmp_path: Path, sink_path: Path, isolation: str
) -> None:
    """A function with broken modules of our dependencies' names, on its PYTHONPATH, is recorded all the same."""
    code = write_python(tmp_path)
    vendored = code / "vendored"
    vendored.mkdir()
    # None of these is the runtime client's: the function itself has to run.
    for name in ("httpx", "structlog", "extension", "anyio", "httpcore", "h11", "certifi", "idna"):
        (vendored / f"{name}.py").write_text(BROKEN_MODULE)
    (code / "httpx.py").write_text(BROKEN_MODULE)
    (code / "extension.py").write_text(BROKEN_MODULE)
    python_path = f"/var/task/vendored:{vendored}:{code}"
    function = recorded_function(code, sink_path, PYTHONPATH=python_path)

    assert_records(function, layer_dir, sink_path, isolation=isolation)


@pytest.mark.parametrize(
    "hostile",
    [
        {"LD_LIBRARY_PATH": "/nowhere:/var/task/lib:/nonsense"},
        {"PYTHONSTARTUP": "/nowhere.py", "PYTHONINSPECT": "", "PYTHONOPTIMIZE": "2"},
        {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "0"},
        {"PYTHONWARNINGS": "error"},
        {
            "LANG": "C",
            "LC_ALL": "POSIX",
            "PYTHONIOENCODING": "ascii:replace",
            "TZ": "Asia/Kathmandu",
        },
        {"ENV": "/nowhere.sh", "BASH_ENV": "/nowhere.sh", "IFS": "/-:", "CDPATH": "/tmp:/"},
        {"SHELLOPTS": "nounset:errexit", "POSIXLY_CORRECT": "1"},
        {
            "http_proxy": "http://127.0.0.1:1",
            "HTTPS_PROXY": "http://127.0.0.1:1",
            "ALL_PROXY": "socks5://127.0.0.1:1",
        },
        {
            "SSL_CERT_FILE": "/nowhere.pem",
            "SSL_CERT_DIR": "/nowhere",
            "OPENSSL_CONF": "/nowhere.cnf",
        },
        {"HOME": "/nowhere", "TMPDIR": "/nowhere", "XDG_CONFIG_HOME": "/nowhere"},
        {"MALLOC_ARENA_MAX": "1", "PYTHONMALLOC": "debug", "PYTHONHASHSEED": "0"},
    ],
    ids="-".join,
)
def test_variables_of_the_function_do_not_get_in_the_way(
    layer_dir: Path, tmp_path: Path, sink_path: Path, hostile: dict[str, str]
) -> None:
    """What is set for the function's own interpreter, shell or libraries leaves the extension as it is."""
    function = recorded_function(write_python(tmp_path), sink_path, **hostile)

    assert_records(function, layer_dir, sink_path)


def test_a_python_home_of_the_function_does_not_get_in_the_way(
    layer_dir: Path, tmp_path: Path, sink_path: Path
) -> None:
    """PYTHONHOME pointing to nonsense stops any Python but ours; the function here is no Python."""
    environment = {
        **settings(sink=f"file:{sink_path}"),
        "PYTHONHOME": "/nowhere",
        "PYTHONPATH": "/nowhere",
    }
    environment |= {"LD_LIBRARY_PATH": "/nowhere"}
    function = Function(
        code=write_bash(tmp_path),
        runtime="provided.al2023",
        timeout_ms=ROOMY_TIMEOUT_MS,
        environment=environment,
    )

    assert_records(function, layer_dir, sink_path)


@BOTH_ISOLATIONS
def test_a_read_only_layer_is_left_as_it_is(
    layer_dir: Path, tmp_path: Path, sink_path: Path, isolation: str
) -> None:
    """Nothing is written into the layer, such as bytecode, and it works from wherever it is unpacked."""
    before = _snapshot(layer_dir)
    function = recorded_function(write_python(tmp_path), sink_path)

    cloud = assert_records(function, layer_dir, sink_path, isolation=isolation)

    assert _snapshot(layer_dir) == before
    if isolation == "relocated":
        assert cloud.isolation == "relocated"


def _snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_the_one_layer_serves_every_python(
    layer_dir: Path, tmp_path: Path, sink_path: Path, pythons: dict[str, Path], version: str
) -> None:
    """The same files run on each Python that Lambda has; which one the function's own code uses does not matter."""
    if version not in pythons:
        pytest.skip(f"Python {version} is not on this machine")
    environment = settings(sink=f"file:{sink_path}")
    function = Function(
        code=write_bash(tmp_path),
        runtime="provided.al2023",
        timeout_ms=ROOMY_TIMEOUT_MS,
        environment=environment,
    )

    cloud = assert_records(function, layer_dir, sink_path, interpreter=pythons[version])

    assert registrations(cloud) == [200]


def test_it_works_beside_another_layer(layer_zip: Path, tmp_path: Path, sink_path: Path) -> None:
    """Layers are merged; ours has a private directory, so a later layer's files do not replace it."""
    other = tmp_path / "other"
    for name in (
        "python/httpx.py",
        "python/structlog/__init__.py",
        "lib/extension.py",
        "deps/httpx.py",
    ):
        file = other / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(BROKEN_MODULE)
    function = recorded_function(write_python(tmp_path), sink_path)

    with running(function, layers=[layer_zip, other]) as cloud:
        failed = cloud.invoke({"kind": "error"})

    assert (
        Delivered.read(sink_path).texts(failed.request_id)[-3:]
        == wrote(cloud, failed.request_id)[-3:]
    )


@pytest.mark.parametrize("value", ["false", "0", "OFF"])
def test_switched_off_it_does_nothing_but_answer_next(
    layer_dir: Path, tmp_path: Path, sink_path: Path, value: str
) -> None:
    """With ENABLED=false nothing is subscribed to, delivered or said."""
    function = recorded_function(write_python(tmp_path), sink_path, FLIGHT_RECORDER_ENABLED=value)

    with running(function, layers=[layer_dir]) as cloud:
        results = [cloud.invoke({"kind": kind}) for kind in ("ok", "error", "raise", "ok")]

    assert [result.status for result in results] == ["success", "success", "error", "success"]
    assert not cloud.journal.of("subscribe", EXTENSION)
    assert not sink_path.exists()
    assert not cloud.extension_output
