"""Provide /opt, /var/task, /var/lang and /var/runtime.

In a mount namespace they are where Lambda has them. Relocated, they are directories under a scratch directory, and
programs there find themselves by their own path.
"""

import os
import shutil
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from emulator.model.errors import ComponentMissing

MAX_LAYERS = 5  # AWS "Lambda quotas"


@dataclass(frozen=True, slots=True)
class Mount:
    """A directory of this machine, and the path where Lambda has it."""

    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFileSystem:
    """A directory that is the root for the environment's processes, as in a container image.

    Args:
        directory: Must have `opt`, `var/task`, `dev`, `proc` and `tmp` to mount on, and all that the function needs.
        user: The number of the user and the group of all processes. Lambda's is not root.
    """

    directory: Path
    user: int = 993

    def mounts(self, mounts: tuple[Mount, ...], temporary: Path) -> list[Mount]:
        """Return all mounts: the root itself, read-only, then Lambda's, then /dev, /proc and /tmp."""
        root = str(self.directory)
        return [
            Mount(self.directory, root),
            *(Mount(mount.source, root + mount.target, mount.read_only) for mount in mounts),
            Mount(Path("/dev"), f"{root}/dev", read_only=False),
            Mount(Path("/proc"), f"{root}/proc"),
            Mount(temporary, f"{root}/tmp", read_only=False),  # noqa: S108 - Lambda's only writable folder
        ]


class Sources(NamedTuple):
    """The directories of this machine that the environment sees; None where it sees none."""

    opt: Path
    task: Path
    lang: Path | None
    runtime: Path | None


@dataclass(frozen=True, slots=True)
class Places:
    """The paths that the environment's processes see."""

    opt: str
    task: str
    lang: str
    runtime: str
    mounts: tuple[Mount, ...] = ()

    @classmethod
    def mounted(cls, sources: Sources) -> "Places":
        """Plan the mounts for a namespace."""
        mounts = [Mount(sources.opt, "/opt"), Mount(sources.task, "/var/task")]
        if sources.lang is not None:
            mounts.append(Mount(sources.lang, "/var/lang"))
        if sources.runtime is not None:
            mounts.append(Mount(sources.runtime, "/var/runtime"))
        return cls("/opt", "/var/task", "/var/lang", "/var/runtime", tuple(mounts))

    @classmethod
    def relocated(cls, scratch: Path, sources: Sources) -> "Places":
        """Make symbolic links in a scratch directory, in the shape of Lambda's root."""
        root = scratch / "root"
        (root / "var").mkdir(parents=True, exist_ok=True)
        for name, target in zip(
            ("opt", "var/task", "var/lang", "var/runtime"), sources, strict=True
        ):
            if target is not None and not (root / name).is_symlink():
                (root / name).symlink_to(target, target_is_directory=True)
        # The layer and the function are given by their real paths: a program that finds itself by its path should
        # not depend on whether it resolves links.
        return cls(
            str(sources.opt), str(sources.task), str(root / "var/lang"), str(root / "var/runtime")
        )


def unpack_layers(layers: Sequence[Path], scratch: Path) -> Path:
    """Merge layers in order into one directory, and return it. A single directory is used as it is.

    Raises:
        ComponentMissing: A layer does not exist or is neither a directory nor a zip file.
        ValueError: Lambda allows fewer layers.
    """
    if len(layers) > MAX_LAYERS:
        raise ValueError(f"{len(layers)} layers; Lambda allows {MAX_LAYERS}")
    for layer in layers:
        if not layer.is_dir() and not zipfile.is_zipfile(layer):
            raise ComponentMissing(
                f"the layer {layer} is neither a directory nor a zip file; has it been built?"
            )
    if len(layers) == 1 and layers[0].is_dir():
        return layers[0].resolve()
    merged = scratch / "opt"
    merged.mkdir(parents=True, exist_ok=True)
    for layer in layers:
        if layer.is_dir():
            shutil.copytree(layer, merged, symlinks=True, dirs_exist_ok=True)
        else:
            _unzip(layer, merged)
    return merged


def _unzip(archive: Path, target: Path) -> None:
    """Unpack with modes and symbolic links, which ``ZipFile.extractall`` does not keep."""
    with zipfile.ZipFile(archive) as file:
        for entry in file.infolist():
            mode = entry.external_attr >> 16
            if stat.S_ISLNK(mode):
                path = target / entry.filename
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                path.symlink_to(file.read(entry).decode())
                continue
            extracted = Path(file.extract(entry, target))
            if mode and not extracted.is_dir():
                extracted.chmod(stat.S_IMODE(mode))
            if not entry.is_dir():
                moment = _mtime(entry)
                os.utime(extracted, (moment, moment))


def _mtime(entry: zipfile.ZipInfo) -> float:
    # Python refuses .pyc files whose recorded source time differs, so times are kept as the zip has them.
    from datetime import datetime, timezone

    return datetime(*entry.date_time, tzinfo=timezone.utc).timestamp()
