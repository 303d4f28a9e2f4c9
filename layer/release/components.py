"""List what a layer's zip brings along that is not ours: packages, and of a standalone layer CPython, OpenSSL, zlib and musl.

The zip itself is read, so the list holds what ships. Promises of each component a version, a licence of SPDX's list and the
hash of the file that it came as, or an error.
"""

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from layer.function_python.bytecode import PRIVATE
from layer.release.conditions import ReleaseError
from layer.standalone.compiling import OPENSSL, PYTHON, RELEASE, ZLIB

CLASSIFIERS = {
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""Licences that a package names by a classifier alone, and SPDX's names of them."""

SPDX = re.compile(r"[A-Za-z0-9.+-]+( (OR|AND|WITH) [A-Za-z0-9.+-]+)*")
"""An expression of SPDX's that is short enough to be in a field, and no licence's text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file that a component came as.

    Attributes:
        file: its name.
        sha256: its hash.
    """

    file: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One part of a layer.

    Attributes:
        name: as its own project writes it.
        version: as its packager counts.
        licence: an expression of SPDX's.
        purl: its package URL.
        source: the file that it came as.
        cpe: the name under which vulnerabilities of it are listed, where that is not the package's.
        texts: its licences, by file name.
        requires: the names of the components that it needs.
    """

    name: str
    version: str
    licence: str
    purl: str
    source: Source
    cpe: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files that the builds took.

    Attributes:
        wheels: by the names of packages.
        debian: the source packages' descriptions, by the names of packages.
        compiler: the wheel of the compiler, whose C library is in the launcher: its version and the pins' file.
    """

    wheels: Mapping[str, Source]
    debian: Mapping[str, Source] = field(default_factory=dict)
    compiler: tuple[str, Source] | None = None


def components_of(archive: Path, sources: Sources) -> list[Component]:
    """Return the components in a layer's zip, by name.

    Raises:
        ReleaseError: one has no licence that is known, or came from nobody knows where.
    """
    with zipfile.ZipFile(archive) as layer:
        names = set(layer.namelist())
        found = [
            _package(layer, name, sources.wheels)
            for name in sorted(names)
            if re.fullmatch(rf"{PRIVATE}/deps/[^/]+\.dist-info/METADATA", name)
        ]
        if f"{PRIVATE}/VERSIONS" in names:
            found += _of_debian(layer, sources)
            found.append(_musl(layer, sources))
    known = {one.name for one in found}
    return sorted(
        (_with_known(one, known) for one in found), key=lambda one: canonicalize_name(one.name)
    )


def _package(layer: zipfile.ZipFile, metadata: str, wheels: Mapping[str, Source]) -> Component:
    told = HeaderParser().parsestr(layer.read(metadata).decode())
    name, version = str(told["Name"]), str(told["Version"])
    key = canonicalize_name(name)
    if key not in wheels:
        raise ReleaseError(f"{name} is in the layer, and no wheel of it was installed: build anew")
    folder = metadata.removesuffix("METADATA")
    needs = [Requirement(one) for one in told.get_all("Requires-Dist", [])]
    return Component(
        name=name,
        version=version,
        licence=_licence(name, told),
        purl=PackageURL("pypi", None, key, version).to_string(),
        source=wheels[key],
        texts={
            file.removeprefix(folder): layer.read(file).decode()
            for file in sorted(layer.namelist())
            if file.startswith(f"{folder}licenses/")
        },
        # An extra that is not installed names packages that are not here.
        requires=tuple(sorted({canonicalize_name(one.name) for one in needs})),
    )


def _licence(name: str, told: Message) -> str:
    classifiers = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier", [])]
    candidates = [
        told.get("License-Expression", ""),
        told.get("License", ""),
        *(CLASSIFIERS[one] for one in classifiers if one in CLASSIFIERS),
    ]
    for candidate in candidates:
        if SPDX.fullmatch(candidate):
            return candidate
    raise ReleaseError(
        f"{name} names no licence of SPDX's list: read its licence, and add its classifier to CLASSIFIERS in"
        " layer/release/components.py"
    )


def _of_debian(layer: zipfile.ZipFile, sources: Sources) -> list[Component]:
    lines = layer.read(f"{PRIVATE}/VERSIONS").decode().splitlines()
    versions = dict(line.split(" ", 1) for line in lines)
    about = {
        PYTHON: ("CPython", "PSF-2.0", "python:python", "LICENSE.txt"),
        OPENSSL: ("OpenSSL", "Apache-2.0", "openssl:openssl", "LICENSE-openssl.txt"),
        ZLIB: ("zlib", "Zlib", "zlib:zlib", "LICENSE-zlib.txt"),
    }
    missing = about.keys() - versions.keys() | about.keys() - sources.debian.keys()
    if missing:
        raise ReleaseError(
            f"the layer does not tell the version of {', '.join(sorted(missing))}: a release has an interpreter of Debian's"
        )
    return [
        Component(
            name=name,
            version=versions[package],
            licence=licence,
            purl=PackageURL(
                "deb",
                "debian",
                package,
                versions[package],
                {"arch": "source", "distro": RELEASE},
            ).to_string(),
            source=sources.debian[package],
            cpe=f"cpe:2.3:a:{product}:{upstream(versions[package])}:*:*:*:*:*:*:*",
            texts={file: layer.read(f"{PRIVATE}/lib/{PYTHON}/{file}").decode()},
        )
        for package, (name, licence, product, file) in about.items()
    ]


def _musl(layer: zipfile.ZipFile, sources: Sources) -> Component:
    if sources.compiler is None:
        raise ReleaseError("no compiler is named, whose C library the launcher has")
    version, source = sources.compiler
    return Component(
        name="musl",
        # The compiler does not tell which version of musl's it brings.
        version=f"of ziglang {version}",
        licence="MIT",
        purl=PackageURL(
            "pypi", None, "ziglang", version, None, "ziglang/lib/libc/musl"
        ).to_string(),
        source=source,
        texts={"COPYRIGHT": layer.read(f"{PRIVATE}/LICENSE-musl.txt").decode()},
    )


def upstream(version: str) -> str:
    """Return the project's own version in one of Debian's: `3.5.4` of `3.5.4-1~deb13u2`."""
    found = re.search(r"(?:really)?([0-9]+(?:\.[0-9]+)+)(?=[^0-9.]*-|$)", version)
    return found[1] if found else version


def _with_known(one: Component, known: set[str]) -> Component:
    """Leave out of what a package may need whatever is not in the layer."""
    by_key = {str(canonicalize_name(name)): name for name in known}
    return replace(one, requires=tuple(by_key[key] for key in one.requires if key in by_key))
