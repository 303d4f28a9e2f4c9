"""Write the licences of everything that the layers of a release bring along, in one text."""

from collections.abc import Mapping, Sequence

from layer.release.components import Component
from layer.release.conditions import Commit

RULE = "=" * 100


def licences_of(layers: Mapping[str, Sequence[Component]], *, own: str, commit: Commit) -> str:
    """Return a table of the components and their licences, and the texts behind it.

    Args:
        layers: The components by the zip that has them.
        own: The text of our own licence.
        commit: What was built.
    """
    found: dict[tuple[str, str], Component] = {}
    where: dict[tuple[str, str], list[str]] = {}
    for name, components in layers.items():
        for one in components:
            key = (one.name, one.version)
            found.setdefault(key, one)
            where.setdefault(key, []).append(name)
    rows = [("flight-recorder", commit.version, "Apache-2.0", "all")]
    rows += [
        (*key, one.licence, "all" if len(where[key]) == len(layers) else ", ".join(where[key]))
        for key, one in sorted(found.items(), key=lambda entry: entry[0][0].lower())
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    table = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
    texts = [f"{RULE}\nflight-recorder: LICENSE\n{RULE}\n{own.rstrip()}\n"]
    texts += [
        f"{RULE}\n{name} {version}: {file}\n{RULE}\n{text.rstrip()}\n"
        for (name, version), one in sorted(found.items(), key=lambda entry: entry[0][0].lower())
        for file, text in one.texts.items()
    ]
    head = f"Flight Recorder {commit.version}: what its layers hold, under which licences, in which of them.\n"
    return "\n".join([head, *table, "", *texts])
