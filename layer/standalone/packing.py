"""Lay out a standalone layer as a tree of files: programs, licences, and bytecode in one file or in many."""

import shutil
from pathlib import Path

from layer.archive import tree_files
from layer.authorities import FOLDER, write_authorities
from layer.function_python.build import EXTENSION_NAME
from layer.function_python.bytecode import AS_FILES, PRIVATE, READS_ITSELF, run_bundle
from layer.function_python.dependencies import BuildError
from layer.standalone.compiling import LEFT_OUT
from layer.standalone.contents import NEEDED_AT_ONCE, Job, Module, modules_of

PACKINGS = ("bundle", "tree")
"""One file for all modules, which ships; or one for each, which is there for measurements (docs/standalone.md)."""

# The start of a layer that is a tree of files, as the shell launcher does it.
START_TREE = """
import sys
def prepare(root):
    sys.path[:] = [entry for entry in sys.path if not entry.endswith(".zip")] + [root, root + "/deps"]
if __name__ == "__main__":
    prepare(sys.argv[1])
    from extension.boot import main
    main(sys.argv[2:])
"""


def lay_out(job: Job, tree: Path) -> None:
    """Write the files of a layer below `tree`.

    Raises:
        BuildError: a module does not compile.
    """
    private = tree / PRIVATE
    (private / "bin").mkdir(parents=True)
    launcher = tree / "extensions" / EXTENSION_NAME
    launcher.parent.mkdir()
    python = private / "bin" / "python3"
    for source, target in (
        (job.launcher, launcher),
        (job.interpreter / "bin" / "python3", python),
    ):
        shutil.copyfile(source, target)
        target.chmod(0o755)
    _copy_data(job, private)
    modules = modules_of(job)
    start = Path(__file__).parents[1] / "start.py"
    if job.packing == "bundle":
        as_files = {
            module.name
            for module in modules
            if module.name in NEEDED_AT_ONCE or module.name.partition(".")[0] == AS_FILES
        }
    else:
        as_files = {module.name for module in modules}
        own_source = f"{READS_ITSELF}/__init__.py"
        (private / "deps" / READS_ITSELF).mkdir()
        shutil.copyfile(job.dependencies / own_source, private / "deps" / own_source)
        start = tree.parent / "start.py"
        start.write_text(START_TREE, encoding="utf-8")
    modules.append(Module(name="start", source=start, place="start.py"))
    _compile(job, private, modules, as_files={*as_files, "start"})
    for path in tree_files(tree):
        if path not in {launcher, python}:
            path.chmod(0o644)


def _copy_data(job: Job, private: Path) -> None:
    """Copy licences, versions, libraries, packages' metadata and the certificate authorities."""
    shutil.copyfile(job.sources.license, private / "LICENSE")
    shutil.copyfile(job.launcher_license, private / "LICENSE-musl.txt")
    (private / "VERSIONS").write_text("\n".join([*job.versions, ""]), encoding="utf-8")
    library = private / "lib" / job.library.name
    dynload = library / "lib-dynload"
    dynload.mkdir(parents=True)
    # By this folder the interpreter finds its library.
    (dynload / ".keep").touch()
    _copy_libraries(job, private, dynload)
    for path in sorted(job.library.glob("*.txt")):
        shutil.copyfile(path, library / path.name)
    for info in sorted(job.dependencies.glob("*.dist-info")):
        shutil.copytree(info, private / "deps" / info.name)
    authorities = job.dependencies / AS_FILES / "cacert.pem"
    (private / "deps" / AS_FILES).mkdir()
    shutil.copyfile(authorities, private / "deps" / AS_FILES / authorities.name)
    write_authorities(authorities, private / "deps" / FOLDER)


def _copy_libraries(job: Job, private: Path, dynload: Path) -> None:
    """Copy the shared libraries and extension modules of an interpreter that was not compiled here."""
    program = (job.interpreter / "bin" / "python3").read_bytes()
    for path in sorted((job.interpreter / "lib").glob("libpython3.*.so.*")):
        if path.name.encode() in program:
            shutil.copyfile(path, private / "lib" / path.name)
    for path in sorted((job.library / "lib-dynload").glob("*.so")):
        name = path.name.partition(".")[0]
        if name not in LEFT_OUT and "test" not in name:
            shutil.copyfile(path, dynload / path.name)


def _compile(job: Job, private: Path, modules: list[Module], *, as_files: set[str]) -> None:
    """Write the bytecode of `modules`: those of `as_files` to files, the others into the bundle."""
    listed: list[dict[str, object]] = []
    for module in modules:
        target = (private / module.place).with_suffix(".pyc")
        if module.name in as_files:
            target.parent.mkdir(parents=True, exist_ok=True)
        listed.append(
            {
                "name": module.name,
                "path": str(module.source),
                "shown": module.shown,
                "source": module.name == READS_ITSELF,
                "target": str(target) if module.name in as_files else "",
            }
        )
    words = [str(private / f"modules.{job.tag}")] if job.packing == "bundle" else []
    if words:
        words += [str(job.sources.package.parent), str(job.dependencies)]
    done = run_bundle(job.build_python, listed, *words)
    if done.returncode != 0:
        raise BuildError(f"the layer's modules do not compile:\n{done.stderr}")
