from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from tools.locking import FILES, NODE_FOLDERS, lock

if TYPE_CHECKING:
    from tests.doubles.checkout import Checkout


def compiled(checkout: Checkout) -> list[str]:
    """Return the files written, in order."""
    return [call.arguments[-1] for call in checkout.calls("pip compile")]


@pytest.mark.parametrize("arguments", [[], ["--upgrade"]])
def test_all_pins_are_written_the_layers_first(checkout: Checkout, arguments: list[str]) -> None:
    """The tests' pins are held to the layer's."""
    uv = checkout.stand_in(checkout.root / "path" / "uv")
    workspace = dataclasses.replace(checkout.workspace, uv=str(uv))

    lock(workspace, arguments)

    assert compiled(checkout) == [name for name, _, _ in FILES]
    assert compiled(checkout)[0] == "requirements-layer.txt"
    for call in checkout.calls("pip compile"):
        assert call.cwd == checkout.root
        assert "--generate-hashes" in call.arguments
        assert ("--upgrade" in call.arguments) == bool(arguments)


def test_uv_is_fetched_where_it_is_missing(checkout: Checkout) -> None:
    """A lock file of pip is for one Python; ours are for all."""
    uv = checkout.root / ".cache" / "uv" / "bin" / "uv"
    checkout.stand_in(uv)

    lock(checkout.workspace, [])

    (call,) = checkout.calls("pip install")
    assert call.program == checkout.workspace.python
    assert len(checkout.calls("uv/bin/uv")) == len(FILES)


@pytest.mark.parametrize(("arguments", "change"), [([], "install"), (["--upgrade"], "update")])
def test_node_packages_are_locked_with_npm(
    checkout: Checkout, arguments: list[str], change: str
) -> None:
    """Without a word of the registry they come from."""
    for folder in NODE_FOLDERS:
        (checkout.root / folder).mkdir(parents=True)
    checkout.stand_in(checkout.root / "path" / "npm")
    uv = checkout.stand_in(checkout.root / "path" / "uv")

    lock(dataclasses.replace(checkout.workspace, uv=str(uv)), arguments)

    calls = checkout.calls("path/npm")
    assert [call.cwd for call in calls] == [checkout.root / folder for folder in NODE_FOLDERS]
    for call in calls:
        assert call.arguments[0] == change
        assert "--omit-lockfile-registry-resolved" in call.arguments
