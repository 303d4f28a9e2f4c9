"""Keep a table of the layers that were published: `layers.json` for programs, `layers.md` for people.

A later call for further regions or layers of the same version adds its rows. Another version starts anew.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

JSON_NAME = "layers.json"
MARKDOWN_NAME = "layers.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A version of a layer in a region.

    Attributes:
        region: AWS's name.
        layer: the layer's name.
        arn: with the number of the layer's version, as a function takes it.
        architectures: those it runs on.
        sha256: of the zip.
        description: what the layer says of itself.
    """

    region: str
    layer: str
    arn: str
    architectures: tuple[str, ...]
    sha256: str
    description: str


def keep(folder: Path, version: str, rows: list[Published]) -> str:
    """Add rows to the files in a folder; return the table for people."""
    file = folder / JSON_NAME
    known = {(str(one["region"]), str(one["layer"])): one for one in _read(file, version)}
    known |= {(row.region, row.layer): asdict(row) for row in rows}
    everything = [known[key] for key in sorted(known)]
    told = {"version": version, "layers": everything}
    file.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    lines = ["| region | architecture | layer |", "|---|---|---|"]
    lines += [
        f"| {one['region']} | {', '.join(_words(one['architectures']))} | `{one['arn']}` |"
        for one in everything
    ]
    table = "\n".join(lines) + "\n"
    text = f"# Flight Recorder {version}\n\n{table}"
    (folder / MARKDOWN_NAME).write_text(text, encoding="utf-8")
    return table


def _read(file: Path, version: str) -> list[dict[str, object]]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        rows: list[dict[str, object]] = told["layers"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return rows if told["version"] == version else []


def _words(given: object) -> list[str]:
    return [str(one) for one in given] if isinstance(given, (list, tuple)) else []
