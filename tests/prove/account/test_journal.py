from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from prove.account.journal import Journal, Thing, journals

if TYPE_CHECKING:
    from pathlib import Path

FUNCTION, GROUP, LAYER = Thing("function", "f"), Thing("group", "g"), Thing("layer", "l")


def journal_in(folder: Path) -> Journal:
    return Journal(folder / "a" / "ab.json", region="eu-west-1", profile="p")


def test_what_was_written_down_is_read_again_in_the_order_of_removal(tmp_path: Path) -> None:
    """What uses another thing goes first, and nothing is there twice."""
    journal = journal_in(tmp_path)
    journal.add([LAYER])
    journal.add([GROUP, FUNCTION, LAYER])

    again = Journal.read(journal.file)

    assert again.things == journal.things == [FUNCTION, GROUP, LAYER]
    assert (again.region, again.profile) == ("eu-west-1", "p")
    assert journals(tmp_path / "a") == [journal.file]


def test_file_goes_with_the_last_thing(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    journal.add([FUNCTION, GROUP])

    journal.remove(FUNCTION)
    assert Journal.read(journal.file).things == [GROUP]
    journal.remove(GROUP)

    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"region": "r", "profile": "", "things": [1]}']
)
def test_other_file_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(content)

    with pytest.raises(ValueError, match="is no journal"):
        Journal.read(file)
