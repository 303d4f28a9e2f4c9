"""Build functions of Go, Rust and Java from their sources, with the real runtime client that their pins name.

A program is built once into the cache directory. Its name there has the digest of its sources, so a later run finds it,
and a change of a source builds it anew.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulator.machine.installing import cache_directory, run_installer, staged
from emulator.machine.runtimes import COPY_LIBRARIES
from emulator.model.errors import ComponentMissing


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A way from sources to what is in /var/task.

    Attributes:
        pins: The file that the sources have if they are of this language; it pins the client's version.
        command: What builds them, in a copy of them.
        product: The file or directory that comes of it: the bootstrap, or all of /var/task.
        needs: What has to be installed.
        environ: More environment variables of the command.
    """

    pins: str
    command: tuple[str, ...]
    product: str
    needs: str
    environ: Mapping[str, str] = field(default_factory=dict)


RECIPES = (
    Recipe(
        pins="go.mod",
        # AWS "Deploy Go Lambda functions": the tag leaves out what the older go1.x runtime needed.
        command=(
            "go",
            "build",
            "-tags=lambda.norpc",
            "-mod=readonly",
            "-trimpath",
            "-o",
            "bootstrap",
            ".",
        ),
        product="bootstrap",
        needs="Go in the version of go.mod, and its registry",
        # Without cgo, as AWS "Deploy Go Lambda functions" builds; no other toolchain is fetched in silence.
        environ={"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"},
    ),
    Recipe(
        pins="Cargo.toml",
        command=("cargo", "build", "--quiet", "--target-dir", "target"),
        product="target/debug/bootstrap",
        needs="cargo, a linker (Debian: gcc), and their registry",
    ),
    Recipe(
        pins="pom.xml",
        # AWS "Deploy Java Lambda functions with .zip": classes at the root, libraries in lib/.
        command=(
            "mvn",
            "-q",
            "-B",
            *COPY_LIBRARIES,
            "-DoutputDirectory=target/classes/lib",
            "compile",
        ),
        product="target/classes",
        needs="Maven, a JDK of 17 or newer (Debian: maven openjdk-17-jdk-headless), and their registry",
    ),
)


def recipe_of(source: Path) -> Recipe:
    """Return the recipe for a directory of sources.

    Raises:
        ValueError: It is of no language known here.
    """
    for recipe in RECIPES:
        if (source / recipe.pins).is_file():
            return recipe
    raise ValueError(f"no {', '.join(recipe.pins for recipe in RECIPES)} in {source}")


def place_of(source: Path) -> Path:
    """Return the directory in the cache where a program is, or will be once it is built.

    Raises:
        ValueError: The sources are of no language known here.
    """
    name = f"program-{source.name}-{_digest(source, recipe_of(source))}"
    return cache_directory() / name


def build(source: Path, *, install: bool = True) -> Path:
    """Return the directory that becomes /var/task, and build it unless it is in the cache.

    Args:
        source: The directory of the sources. Nothing is written to it.
        install: Whether to build it; if not, it has to be in the cache.

    Raises:
        ComponentMissing: A toolchain is missing, or the build failed.
        ValueError: The sources are of no language known here.
    """
    recipe = recipe_of(source)
    target = place_of(source)
    if target.is_dir():
        return target
    tool = recipe.command[0]
    if not install or shutil.which(tool) is None:
        raise ComponentMissing(
            f"the program {source.name} is not in {target}; it needs {recipe.needs}"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="program-", dir=target.parent) as scratch:
        copy = Path(scratch) / source.name
        shutil.copytree(source, copy)
        what, hint = f"the program {source.name}", f"it needs {recipe.needs}"
        run_installer(list(recipe.command), copy, what=what, hint=hint, environ=recipe.environ)
        product = copy / recipe.product
        with staged(target) as partial:
            for path in sorted(product.iterdir()) if product.is_dir() else [product]:
                shutil.move(path, partial)
    return target


def _digest(source: Path, recipe: Recipe) -> str:
    """Return the first 16 digits of the SHA-256 of the sources and of the recipe."""
    known = hashlib.sha256(repr(recipe).encode())
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        known.update(f"{path.relative_to(source)}\0{path.stat().st_size}\0".encode())
        known.update(path.read_bytes())
    return known.hexdigest()[:16]
