"""Root file systems that are as bare as a container image can be: bash, Node.js, glibc and their libraries, no Python."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from layer.standalone.apt import PrivateApt

GLIBC = {"bullseye": "2.31", "bookworm": "2.36"}
"""Of the releases that images are made of."""

PACKAGES = ["bash", "libc6", "libtinfo6", "libstdc++6", "libgcc-s1"]

MOUNT_POINTS = ("opt", "var/task", "var/runtime", "dev", "proc", "tmp")


def make_image(cache: Path, release: str) -> Path:
    """Give the root file system of a release, made once, from packages that apt has checked.

    Raises:
        BuildError: the packages cannot be had.
    """
    node = shutil.which("node")
    key = hashlib.sha256(" ".join([*PACKAGES, *MOUNT_POINTS, str(node)]).encode()).hexdigest()
    image = cache / f"image-{release}-{key[:8]}"
    if image.is_dir():
        return image
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="image-") as scratch:
        apt = PrivateApt(folder=cache / f"apt-{release}", release=release)
        tree = Path(scratch) / "tree"
        for package in apt.fetch_binaries(PACKAGES, Path(scratch) / "packages"):
            subprocess.run(["dpkg-deb", "-x", package, tree], check=True, timeout=60)
        for name in MOUNT_POINTS:
            (tree / name).mkdir(parents=True, exist_ok=True)
        if node is not None:
            (tree / "usr/bin").mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(node).resolve(), tree / "usr/bin/node")
        tree.chmod(0o755)
        tree.replace(image)
    return image


def make_arm64_libraries(cache: Path) -> Path:
    """Give a folder with glibc for arm64, made once.

    Raises:
        BuildError: the package cannot be had.
    """
    folder = cache / "image-bookworm-arm64"
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(dir=cache, prefix="image-") as scratch:
        apt = PrivateApt(
            folder=cache / "apt-bookworm", release="bookworm", architectures=("amd64", "arm64")
        )
        [package] = apt.fetch_binaries(["libc6:arm64"], Path(scratch) / "packages")
        subprocess.run(["dpkg-deb", "-x", package, Path(scratch) / "tree"], check=True, timeout=60)
        (Path(scratch) / "tree").replace(folder)
    return folder
