"""Prove that a standalone layer imports: all of our package, its dependencies, and what both import late."""

import ast
import subprocess
from pathlib import Path

from layer.archive import tree_files
from layer.function_python.bytecode import PRIVATE
from layer.function_python.dependencies import BuildError
from layer.standalone.contents import Job, modules_of

TIMEOUT_SECONDS = 180.0
"""To compile a tree or to import it takes seconds; the rest is for a busy machine."""

# httpcore hides an anyio that cannot be imported, and fails at the first request; an empty trust store raises no error
# either. `start` is the layer's start.py, without its end that starts the extension.
VERIFY = """
import sys, marshal
root, names = sys.argv[1], sys.argv[2].split(",")
with open(root + "/start.pyc", "rb") as file:
    exec(marshal.loads(file.read()[16:]), start := {"__name__": "start"})
start["prepare"](root)
import anyio, certifi, httpcore, httpx, importlib, inspect, ssl, structlog
assert hasattr(httpcore.AnyIOBackend, "connect_tcp"), "httpcore has no anyio backend"
assert "import" in inspect.getsource(anyio), "anyio cannot read its source"
context = ssl.create_default_context(cafile=certifi.where())
assert len(context.get_ca_certs()) > 50, "the certificate authorities are missing"
httpx.Client(verify=context).close()
eager = [name for name in sys.modules if name.partition(".")[0] == "anyio"]
assert len(eager) < 10, f"anyio imported all of itself: {eager}"
# anyio imports these on first use only.
assert anyio.connect_tcp and anyio.run and anyio.to_interpreter and anyio.to_thread
importlib.import_module("anyio._backends._asyncio")
for name in names:
    importlib.import_module(name)
for module in (anyio, certifi, httpcore, httpx, structlog):
    assert "flight-recorder" in module.__file__, module.__file__ + " is not the layer's"
print(",".join(sys.builtin_module_names))
"""


def verify(job: Job, opt: Path) -> None:
    """Import everything from the unpacked layer at `opt`, and write nothing into it.

    A Python that runs here imports a layer for another architecture. It has the same version and is compiled in the same
    way. The modules that are compiled into the other one are looked up in its file.

    Raises:
        BuildError: a module does not import, the interpreter lacks one, or a file was written.
    """
    before = tree_files(opt)
    private = opt / PRIVATE
    own = private / "bin" / "python3"
    own_modules = [
        module for module in modules_of(job) if module.name.partition(".")[0] == "extension"
    ]
    names = [module.name for module in own_modules if not module.name.endswith("__main__")]
    names += sorted({name for module in own_modules for name in _imports(module.source)})
    python = own if job.runs_here else job.build_python
    # As a file: for -c the interpreter imports modules of its own, before it could find them.
    script = opt.parent / "verify.py"
    script.write_text(VERIFY, encoding="utf-8")
    done = subprocess.run(
        [str(python), "-ISB", "-Xutf8", str(script), str(private), ",".join(names)],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
        env={},
    )
    if done.returncode != 0:
        reason = "\n".join(done.stderr.splitlines()[-6:])
        raise BuildError(f"the {job.architecture} layer does not import:\n{reason}")
    program = own.read_bytes()
    for name in done.stdout.strip().split(","):
        if name.encode() + b"\0" not in program:
            raise BuildError(f"the {job.architecture} interpreter has no module {name}")
    if tree_files(opt) != before:
        raise BuildError("importing the layer wrote files into it")


def _imports(source: Path) -> set[str]:
    """Return every module that a file imports by its full name, also late, within functions."""
    names = set()
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return names
