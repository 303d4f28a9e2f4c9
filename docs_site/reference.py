"""Make the reference pages from the code's tables, and from the README's where the table is there."""

import re
from pathlib import Path

from extension import PREFIX
from extension.config.variables import SETTINGS
from extension.diagnostics.metrics import METRICS, NAMESPACE

REASONS_FROM, REASONS_TO = "## What is kept, and why", "### What would it do?"
"""The part of the README that has the tables of reasons."""


TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)


def reference_pages(root: Path) -> dict[str, str]:
    """Return the pages by the names of their files.

    Raises:
        ValueError: the README has no tables of reasons where they were.
    """
    return {
        "settings.md": _settings(),
        "reasons.md": _reasons((root / "README.md").read_text(encoding="utf-8")),
        "metrics.md": _metrics(),
    }


def _settings() -> str:
    parts = [
        "# Settings by name",
        (
            f"Each is an environment variable of the function, with `{PREFIX}` before its name."
            " [The README](../index.md#settings) says how values are written, and what happens to a wrong one."
        ),
    ]
    for setting in sorted(SETTINGS, key=lambda one: one.name):
        default = f"`{setting.default}`" if setting.default else "off"
        secret = (
            "\n- Its value is shown nowhere, because it may be a secret." if setting.secret else ""
        )
        parts.append(
            f"## {setting.name}\n\n{_escaped(setting.meaning)}\n\n- Variable: `{PREFIX}{setting.name}`"
            f"\n- Default: {default}\n- Accepted: {_escaped(setting.accepted)}{secret}"
        )
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    """Return a text of the code as Markdown; what stands in backquotes is Markdown already."""
    parts = text.split("`")
    return "`".join(
        part if number % 2 else part.replace("<", "\\<").replace("*", "\\*").replace("_", "\\_")
        for number, part in enumerate(parts)
    )


def _reasons(readme: str) -> str:
    begin, end = readme.index(REASONS_FROM), readme.index(REASONS_TO)
    failures, rules = TABLE.findall(readme[begin:end])
    return (
        "# Reasons\n\nEvery record carries a `reason`: why the recorder kept it."
        " [How it decides](../docs/how-it-decides.md) shows the order.\n\n"
        f"## Invocations that failed\n\n{failures}\n## Healthy invocations\n\n{rules}"
    )


def _metrics() -> str:
    rows = "\n".join(f"| `{one.name}` | {one.unit} | {_escaped(one.meaning)} |" for one in METRICS)
    return (
        f"# Metrics by name\n\nCloudWatch has them in the namespace `{NAMESPACE}`."
        " [Metrics](../docs/metrics.md) says how to switch them on, and what each is a sign of.\n\n"
        f"| metric | unit | meaning |\n|---|---|---|\n{rows}\n"
    )
