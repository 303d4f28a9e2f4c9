"""Where the environment's directories are, in a namespace and relocated, and that nothing is left behind."""

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.cloud import LocalLambda
from emulator.machine.filesystem import RootFileSystem, unpack_layers
from emulator.model.errors import ComponentMissing, IsolationRefused, MisuseError
from emulator.model.function import Function
from tests.emulator.support import make_function, make_layer, seen

Start = Callable[..., LocalLambda]

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
    """Give what a namespace might leave behind: mounts, and entries of the directories it covers."""
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
def test_a_namespace_has_everything_where_lambda_has_it(start: Start) -> None:
    """/opt (read-only), /var/task, /var/lang and /var/runtime; the rest of /var is still there."""
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
def test_the_machine_stays_as_it_was(start: Start, tmp_path: Path) -> None:
    """No mount, no directory, no process and no scratch directory remains."""
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


def test_relocated_processes_start_from_the_unpacked_directory(
    start: Start, tmp_path: Path
) -> None:
    """PATH begins with the relocated interpreter's directory; function and extension run all the same."""
    cloud = start(probe={}, isolation="relocated")

    result = cloud.invoke({"do": "environment"}).raise_for_status()

    extension = seen(tmp_path).of("start")[0]
    first = extension["environment"]["PATH"].split(":")[0]
    assert cloud.isolation == "relocated"
    assert result.payload["LAMBDA_TASK_ROOT"] == str(tmp_path / "code")
    assert first.endswith("/var/lang/bin")
    assert first == result.payload["PATH"].split(":")[0]


def test_a_first_line_that_points_nowhere_is_explained(start: Start, tmp_path: Path) -> None:
    """An interpreter under /var/lang does not exist when relocated; the error says so."""
    cloud = start(probe={}, isolation="relocated")
    (tmp_path / "layer" / "extensions" / "probe").write_text("#!/var/lang/bin/python3\n")

    result = cloud.initialise()

    assert result.error_type == "Extension.LaunchError"
    assert "relocated" in result.message


def test_later_layers_overwrite_earlier_ones(tmp_path: Path) -> None:
    """Zips keep modes and symbolic links; directories and zips mix."""
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


def test_a_missing_layer_is_named(tmp_path: Path) -> None:
    """In one line, with what may be wrong."""
    with pytest.raises(
        ComponentMissing, match=r"nothing\.zip is neither a directory nor a zip file"
    ):
        unpack_layers([tmp_path / "nothing.zip"], tmp_path)


def test_more_than_five_layers_are_refused(tmp_path: Path) -> None:
    """As Lambda does."""
    with pytest.raises(ValueError, match="allows 5"):
        unpack_layers([tmp_path] * 6, tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"code": Path("/nonexistent")}, "must be a directory"),
        ({"runtime": "cobol"}, "must begin with python, nodejs or provided"),
        ({"memory_mb": 64}, "memory_mb must be 128"),
        ({"timeout_ms": 0}, "timeout_ms must be 1"),
        ({"log_format": "xml"}, "Text or JSON"),
        ({"log_level": "INFO"}, "needs log_format JSON"),
    ],
)
def test_a_function_lambda_would_refuse_is_refused(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    """With the setting's name."""
    with pytest.raises(ValueError, match=words):
        Function(**({"code": tmp_path} | change))  # type: ignore[arg-type]


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
def test_a_root_file_system_is_all_that_a_function_sees(tmp_path: Path) -> None:
    """Read-only but for /tmp, with nothing of the machine's, as an ordinary user; and it is left as it was."""
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


@pytest.mark.parametrize("wrong", [{"runtime": "python"}, {"isolation": "relocated"}])
def test_a_root_file_system_takes_a_custom_runtime_and_a_namespace(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    """The clients of the other runtimes would need this machine's Python or Node.js; what is asked for is refused."""
    function = Function(code=tmp_path, runtime=wrong.pop("runtime", "provided"))

    with pytest.raises(MisuseError, match="custom runtime"):
        LocalLambda(function, root=RootFileSystem(directory=tmp_path), **wrong)
