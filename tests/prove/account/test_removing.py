from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from attach.cloud.command import Aws, Stop
from prove.account.journal import KINDS, Journal, Thing
from prove.account.removing import remove_all

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("orders", "its name has no flight-recorder-prove-"),
        ("flight-recorder-prove-ab", "the aws command cannot be started"),
    ],
)
def test_each_thing_is_tried_and_what_is_left_stays_in_the_journal(
    name: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that no run gives is never removed, whatever a journal says."""
    monkeypatch.setenv("PATH", "")
    journal = Journal(tmp_path / "ab.json", region="eu-west-1", profile="")
    journal.add(Thing(kind, name) for kind in KINDS)
    said: list[str] = []

    left = remove_all(Aws("", "eu-west-1", Stop(), said.append), journal)

    assert [one.partition(" is left: ")[0] for one in left] == [
        f"the {kind} {name}" for kind in KINDS
    ]
    assert all(why in one for one in left)
    assert len(said) == len(KINDS)
    assert Journal.read(journal.file).things == journal.things
    assert len(journal.things) == len(KINDS)
