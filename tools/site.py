"""Build the documentation site, with Sphinx in an environment of its own."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from terminal.waiting import still
from tools.console import CommandError, say, warn
from tools.environments import Environment, make_environment, remove

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.environments import Workspace


COULD_NOT = "Sphinx could not be fetched (see .cache/environment-docs.log)"


def environment_of_docs(workspace: Workspace) -> Environment:
    """Return the environment of what makes the site; no test and no layer has anything of it."""
    return Environment(
        name="docs",
        folder=workspace.cache / "docs" / "python",
        python=workspace.newest,
        requirements=workspace.root / "requirements-docs.txt",
        options=("--only-binary", ":all:"),
    )


def ensure_docs(workspace: Workspace) -> None:
    """Fetch what makes the documentation site; without it, the site's tests are left out."""
    if not _is_made(workspace):
        warn(f"  {COULD_NOT}: the tests of the site are left out")


def _is_made(workspace: Workspace) -> bool:
    environment = environment_of_docs(workspace)
    if make_environment(workspace, environment):
        return True
    remove(environment.folder)
    return False


def build_docs(workspace: Workspace, arguments: Sequence[str]) -> int:
    """Build the site in dist/docs, and return the exit status: 1 if anything is amiss in a page.

    Raises:
        CommandError: what makes it could not be fetched.
    """
    if not _is_made(workspace):
        raise CommandError(f"{COULD_NOT}; the first time needs the package index")
    say("docs")
    sphinx = environment_of_docs(workspace).folder / "bin" / "python"
    command = [str(workspace.python), "-m", "docs_site", "--sphinx", str(sphinx), *arguments]
    with still("making pages"):
        return subprocess.run(command, check=False, cwd=workspace.root).returncode
