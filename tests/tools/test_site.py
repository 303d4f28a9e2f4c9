from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.console import CommandError
from tools.site import build_docs, ensure_docs, environment_of_docs

if TYPE_CHECKING:
    from tests.doubles.checkout import Checkout


def made(checkout: Checkout) -> None:
    """Let the environment be there."""
    environment = environment_of_docs(checkout.workspace)
    checkout.stand_in(environment.folder / "bin" / "python")
    (environment.folder / "installed").write_text(environment.stamp())


def test_site_is_built_with_sphinx_of_its_own_environment(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    """The arguments of the command are handed on, and so is the status."""
    made(checkout)
    checkout.answer("-m docs_site", status=1)

    status = build_docs(checkout.workspace, ["--output", "there"])

    (call,) = checkout.calls("-m docs_site")
    sphinx = checkout.root / ".cache" / "docs" / "python" / "bin" / "python"
    assert call.program == checkout.workspace.python
    assert call.arguments == ["-m", "docs_site", "--sphinx", str(sphinx), "--output", "there"]
    assert status == 1
    assert capsys.readouterr().out == "docs\n"


def test_site_that_cannot_be_built_is_told_in_one_line(checkout: Checkout) -> None:
    checkout.answer("venv", status=1)

    with pytest.raises(CommandError) as caught:
        build_docs(checkout.workspace, [])

    assert caught.value.message.startswith("Sphinx could not be fetched")
    assert "\n" not in caught.value.message


def test_tests_of_the_site_are_left_out_with_a_warning(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.answer("venv", status=1)

    ensure_docs(checkout.workspace)

    assert capsys.readouterr().err.endswith("the tests of the site are left out\n")
    assert not environment_of_docs(checkout.workspace).folder.exists()
