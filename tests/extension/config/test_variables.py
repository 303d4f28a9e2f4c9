"""The table of settings, and the README's; how each value is read is in test_config.py."""

import re
from pathlib import Path

from extension import PREFIX
from extension.config.settings import Settings
from extension.config.variables import SETTINGS, SINKS

README = Path(__file__).resolve().parents[3] / "README.md"


def test_each_setting_has_a_name_and_a_field_of_its_own() -> None:
    """And there is no field without a variable, but for what is known of references. SETTINGS stands for others."""
    names = [one.name for one in SETTINGS]
    fields = [one.field for one in SETTINGS]

    assert len(set(names)) == len(names)
    of_sinks = [f"{name.lower()}{end}" for name in SINKS for end in ("", "_headers")]
    others = set(Settings._fields) - {"sinks", "unresolved"}
    assert sorted(fields) == sorted([*others, *of_sinks, "settings"])


def table_rows() -> dict[str, tuple[str, str, str]]:
    """The README's table of settings: default, accepted and meaning by name, without Markdown's marks."""
    rows: dict[str, tuple[str, str, str]] = {}
    for row in README.read_text(encoding="utf-8").splitlines():
        cells = [cell.replace("`", "").strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        if len(cells) == 4 and re.fullmatch(rf"({PREFIX})?[A-Z]+(_[A-Z]+)*", cells[0]):
            rows[cells[0].removeprefix(PREFIX)] = (cells[1], cells[2], cells[3])
    return rows


def test_the_readme_lists_every_setting_as_it_is() -> None:
    """The README's table has a row for each setting, with its default, what is accepted and what it means."""
    expected = {
        one.name: tuple(text.replace("`", "") for text in (one.default, one.accepted, one.meaning))
        for one in SETTINGS
    }

    assert table_rows() == expected
