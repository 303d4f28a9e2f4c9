"""SECURITY.md: what it says of the package's imports and permissions is what the package has."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
GUIDE = PAGE.partition("## Auditing the code")[2].partition("\n## ")[0]
MODULES = sorted((ROOT / "extension").rglob("*.py"))

NETWORK = frozenset({"_socket", "_ssl", "h11", "httpcore", "httpx", "socket", "ssl"})
"""What reaches a network, by the first part of a module's name."""

ABSENT = frozenset(
    {
        *("asyncio", "anyio", "ftplib", "imaplib", "poplib", "smtplib", "socketserver", "xmlrpc"),
        *("_posixsubprocess", "ctypes", "multiprocessing", "pty", "subprocess"),
        *("dbm", "pickle", "shelve"),
        *("http", "requests", "urllib3"),
    }
)
"""What no module of the package has any use for: other ways to a network, to a process or to foreign code."""


def imports(path: Path) -> set[str]:
    """Return all that a file imports when it runs, also within functions; what is for types alone never is."""
    return {name for node in _running(ast.parse(path.read_text("utf-8"))) for name in _named(node)}


def _running(node: ast.AST) -> list[ast.AST]:
    is_for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    children = (
        node.orelse if isinstance(node, ast.If) and is_for_types else ast.iter_child_nodes(node)
    )
    return [node, *(inner for child in children for inner in _running(child))]


def _named(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return set()


@cache
def graph() -> dict[str, set[str]]:
    return {str(path.relative_to(ROOT)): imports(path) for path in MODULES}


def importers(*modules: str) -> set[str]:
    """Return the files that import one of these, or anything below it."""
    return {
        name
        for name, imported in graph().items()
        if any(
            one == module or one.startswith(f"{module}.") for one in imported for module in modules
        )
    }


def listed() -> list[list[str]]:
    """Return the files in each table of the guide."""
    tables = re.findall(r"(?:^\|.*\n)+", GUIDE, re.MULTILINE)
    return [re.findall(r"^\| \[`(.+?)`\]", table, re.MULTILINE) for table in tables]


def test_guide_has_five_files_to_read_and_they_are_there() -> None:
    """An auditor reads these and not thirteen thousand lines."""
    first, others = listed()

    assert len(first) == 5
    assert all((ROOT / name).is_file() for name in first + others)


def test_no_other_module_reaches_the_network() -> None:
    """A new one has to be in the guide, with its reason."""
    first, others = listed()

    credentials = "extension/aws/credentials.py"
    assert importers(*NETWORK) == {*first, *others} - {credentials}
    # It reads keys, and reaches their endpoint by the client above.
    assert "extension.transport.client" in graph()[credentials]


def test_credentials_are_imported_by_one_module() -> None:
    """Whoever else got hold of them would be a surprise."""
    assert importers("extension.aws.credentials") == {"extension/aws/client.py"}
    assert "Only `extension/aws/client.py` imports the credentials" in GUIDE


def test_no_module_starts_a_process_or_loads_foreign_code() -> None:
    """Nor does one bring another HTTP client."""
    assert importers(*ABSENT) == set()


def test_modules_that_import_by_a_computed_name_are_listed() -> None:
    """No graph shows what they import."""
    computing = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and re.fullmatch(r"(importlib\.)?import_module|__import__", ast.unparse(node.func))
    }
    paragraph = next(part for part in GUIDE.split("\n\n") if "import by a name" in part)

    assert set(re.findall(r"`(extension/.+?)`", paragraph)) == computing


def test_only_the_module_that_is_named_evaluates_code() -> None:
    """Of names of ours; a line of a function's never gets there."""
    evaluating = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"eval", "exec", "compile"}
    }

    assert evaluating == {"extension/light_typing.py"}
    assert "`extension/light_typing.py` evaluates code" in GUIDE


def test_no_module_listens_but_the_first() -> None:
    """One port, opened in one place."""
    binding = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"bind", "create_server"}
    }

    assert binding == {"extension/boot.py"}


@pytest.mark.parametrize("word", ["TARGET_BYTES", "MAX_ANSWER_BYTES"])
def test_names_that_an_auditor_looks_for_are_in_their_file(word: str) -> None:
    """A name that is gone would send people looking."""
    (row,) = [line for line in GUIDE.splitlines() if f"`{word}`" in line]
    (name,) = re.findall(r"^\| \[`(.+?)`\]", row)

    assert f"\n{word} = " in (ROOT / name).read_text("utf-8")


def test_actions_of_aws_that_the_package_names_are_on_the_page() -> None:
    """Its remedies and its docstrings name each that it needs."""
    pattern = re.compile(
        r"\b(?:firehose|kms|logs|s3|secretsmanager|ssm|sts):[A-Z][a-z]+[A-Z]?[A-Za-z]*"
    )
    used = {one for path in MODULES for one in pattern.findall(path.read_text("utf-8"))}

    assert used
    assert used <= set(pattern.findall(PAGE))
