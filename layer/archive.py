"""Write the zip file that Lambda unpacks under `/opt`: the same tree always gives the same bytes.

Promises: entries sorted by name, one timestamp, two modes, one compression level, nothing of the
machine that built it. Assumes that Lambda keeps an entry's mode when it unpacks a layer ("Packaging
your layer content" in the AWS Lambda Developer Guide), so the launcher's execute bit is in there.

The zlib of the Python that runs the build makes the compressed bytes. Another zlib (some
distributions have zlib-ng) makes other bytes of the same files.
"""

import stat
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

DateTime = tuple[int, int, int, int, int, int]
"""Year, month, day, hour, minute, second."""

EARLIEST_SECONDS = 315_532_800
"""1980-01-01 in seconds since 1970, UTC: the first moment a zip entry can carry."""

LATEST_SECONDS = 4_354_819_198
"""2107-12-31 23:59:58 in seconds since 1970, UTC: the last moment a zip entry can carry."""

COMPRESSION_LEVEL = 9
"""The best there is: a layer is built seldom and fetched by every new environment."""

UNIX = 3
"""`create_system` of the zip format: the upper half of `external_attr` holds Unix modes."""


def entry_time(environ: Mapping[str, str]) -> DateTime:
    """Return the timestamp of all entries, UTC: `SOURCE_DATE_EPOCH`, or the first a zip can hold.

    The bytecode in the layer does not look at timestamps, so a constant costs nothing, and an
    unchanged tree gives unchanged bytes from one commit to the next.

    Raises:
        ValueError: `SOURCE_DATE_EPOCH` is not a whole number of seconds.
    """
    seconds = int(environ.get("SOURCE_DATE_EPOCH") or EARLIEST_SECONDS)
    moment = time.gmtime(min(max(seconds, EARLIEST_SECONDS), LATEST_SECONDS))
    return (*moment[:3], *moment[3:6])


def tree_files(root: Path) -> list[Path]:
    """Return every file below `root`, sorted by its name in the archive."""
    files = (path for path in root.rglob("*") if path.is_file())
    return sorted(files, key=lambda path: path.relative_to(root).as_posix())


def write_archive(root: Path, output: Path, *, date_time: DateTime) -> int:
    """Write every file below `root` to the zip file `output` and return how many there are.

    The file gets its name when it is whole, so an interrupted build leaves the old one.
    """
    files = tree_files(root)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(output.name + ".part")
    with zipfile.ZipFile(partial, "w") as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), date_time)
            executable = path.stat().st_mode & stat.S_IXUSR
            entry.create_system = UNIX
            entry.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes(), compresslevel=COMPRESSION_LEVEL)
    partial.replace(output)
    return len(files)


def unpack(archive: Path, target: Path) -> None:
    """Unpack the zip file `archive` into `target` with the modes it records, as Lambda does."""
    with zipfile.ZipFile(archive) as layer:
        for entry in layer.infolist():
            path = Path(layer.extract(entry, target))
            path.chmod(entry.external_attr >> 16 & 0o777)
