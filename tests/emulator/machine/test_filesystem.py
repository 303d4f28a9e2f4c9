"""Test where processes see the directories, in a namespace and relocated."""

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from emulator.cloud import LocalLambda
from emulator.machine.filesystem import RootFileSystem, unpack_layers
from emulator.model.errors import ComponentMissing, IsolationRefused
from emulator.model.function import Function
from tests.doubles.emulator.probe import Start, make_function, make_layer, seen

LOOK = """
import os, sys
def handler(event, context):
    try:
        open("/opt/written", "w").close()
        writable = True
    except OSError:
        writable = False
    return {
        "opt": sorted(os.listdir("/opt")), "task": sorted(os.listdir("/var/task")),
        "lang": os.path.exists("/var/lang/bin/python3"), "executable": sys.executable,
        "client": os.path.isdir("/var/runtime/awslambdaric"), "writable": writable,
        "log": os.path.isdir("/var/log"), "cwd": os.getcwd(),
    }
"""


def snapshot() -> tuple[str, list[Path], list[Path]]:
    """Return what a namespace might leave behind: mounts, and entries of the directories it covers."""
    mounts = Path("/proc/self/mountinfo").read_text()
    return mounts, sorted(Path("/var").iterdir()), sorted(Path("/opt").iterdir())


@pytest.fixture
def namespace(tmp_path: Path) -> None:
    """Skip where the machine refuses a mount namespace."""
    try:
        with LocalLambda(Function(code=make_function(tmp_path)), isolation="namespace"):
            pass
    except IsolationRefused as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("namespace")
def test_namespace_has_lambdas_paths(start: Start) -> None:
    """Programs in a layer have these paths compiled in."""
    cloud = start(probe={}, app=LOOK, isolation="namespace")

    found = cloud.invoke({}).payload

    assert cloud.isolation == "namespace"
    assert found["opt"] == ["extensions"]
    assert "app.py" in found["task"]
    assert found["lang"]
    assert found["client"]
    assert found["log"]
    assert not found["writable"]
    assert found["executable"] == "/var/lang/bin/python3"
    assert found["cwd"] == "/var/task"


@pytest.mark.usefixtures("namespace")
def test_namespace_leaves_the_machine_as_it_was(start: Start, tmp_path: Path) -> None:
    """The emulator runs as root on people's machines."""
    before = snapshot()
    with LocalLambda(
        Function(code=make_function(tmp_path)), layers=[make_layer(tmp_path)], isolation="namespace"
    ) as cloud:
        cloud.invoke({})
        environment = cloud.running_lifecycle.environment
        assert environment is not None
        pids = [child.pid for child in environment.children.values()]
        scratch = cloud.scratch

    after = snapshot()
    assert before == after
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert scratch is not None
    assert not scratch.exists()


def test_relocated_processes_find_themselves_by_their_paths(start: Start, tmp_path: Path) -> None:
    """Most machines and containers refuse a mount namespace."""
    cloud = start(probe={}, isolation="relocated")

    result = cloud.invoke({"do": "environment"}).raise_for_status()

    extension = seen(tmp_path).of("start")[0]
    first = extension["environment"]["PATH"].split(":")[0]
    assert cloud.isolation == "relocated"
    assert result.payload["LAMBDA_TASK_ROOT"] == str(tmp_path / "code")
    assert first.endswith("/var/lang/bin")
    assert first == result.payload["PATH"].split(":")[0]


def test_later_layers_overwrite_earlier_ones(tmp_path: Path) -> None:
    """Zips must keep modes and symbolic links, and mix with directories."""
    first = tmp_path / "first"
    (first / "lib").mkdir(parents=True)
    (first / "lib" / "shared").write_text("first")
    (first / "lib" / "own").write_text("first")
    archive = tmp_path / "second.zip"
    with zipfile.ZipFile(archive, "w") as file:
        entry = zipfile.ZipInfo("lib/shared")
        entry.external_attr = 0o100755 << 16
        file.writestr(entry, "second")
        link = zipfile.ZipInfo("lib/link")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "shared")

    merged = unpack_layers([first, archive], tmp_path / "scratch")

    assert (merged / "lib" / "shared").read_text() == "second"
    assert (merged / "lib" / "shared").stat().st_mode & 0o777 == 0o755
    assert (merged / "lib" / "own").read_text() == "first"
    assert (merged / "lib" / "link").readlink() == Path("shared")


def test_missing_layer_is_named(tmp_path: Path) -> None:
    """The layer has often just not been built."""
    with pytest.raises(
        ComponentMissing, match=r"nothing\.zip is neither a directory nor a zip file"
    ):
        unpack_layers([tmp_path / "nothing.zip"], tmp_path)


def test_sixth_layer_is_refused(tmp_path: Path) -> None:
    """Lambda allows five."""
    with pytest.raises(ValueError, match="allows 5"):
        unpack_layers([tmp_path] * 6, tmp_path)


# A function that has bash alone: it answers once with what it sees.
SEES = r"""#!/bin/bash
api=$AWS_LAMBDA_RUNTIME_API
ask() {
  exec 3<>"/dev/tcp/${api%:*}/${api##*:}"
  printf '%s /2018-06-01/runtime/invocation/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s' \
    "$1" "$2" "${#3}" "$3" >&3
  while IFS= read -r line <&3 && [ "$line" != $'\r' ]; do
    case ${line,,} in lambda-runtime-aws-request-id:*) id=${line#*: } id=${id%$'\r'} ;; esac
  done
}
ask GET next
{ : >/written; } 2>/dev/null && root=writable || root=read-only
{ : >/tmp/written; } 2>/dev/null && tmp=writable || tmp=read-only
[ -e /var/lang ] && lang=there || lang=missing
ask POST "$id/response" "{\"user\":$EUID,\"root\":\"$root\",\"tmp\":\"$tmp\",\"lang\":\"$lang\"}"
exec 3>&-
ask GET next
"""


def _bare_root(folder: Path) -> Path:
    """Make a root file system of bash and its libraries."""
    root = folder / "root"
    for name in ("opt", "var/task", "dev", "proc", "tmp", "bin"):
        (root / name).mkdir(parents=True)
    root.chmod(0o755)
    bash = shutil.which("bash")
    assert bash is not None
    linked = subprocess.run(["ldd", bash], capture_output=True, text=True, check=True).stdout
    shutil.copy(bash, root / "bin/bash")
    for library in re.findall(r"/\S+", linked):
        (root / library.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, root / library.lstrip("/"))
    return root


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give others a root file system")
@pytest.mark.usefixtures("namespace")
def test_function_sees_its_root_file_system_alone(tmp_path: Path) -> None:
    """That shows what a container image without Python has."""
    code = tmp_path / "bash"
    code.mkdir()
    (code / "bootstrap").write_text(SEES)
    for path in (code, code / "bootstrap"):
        path.chmod(0o755)
    root = _bare_root(tmp_path)
    before = sorted(root.rglob("*"))

    with LocalLambda(
        Function(code=code, runtime="provided"), root=RootFileSystem(directory=root, user=1234)
    ) as cloud:
        found = cloud.invoke({}).payload

    assert found == {"user": 1234, "root": "read-only", "tmp": "writable", "lang": "missing"}
    assert sorted(root.rglob("*")) == before
