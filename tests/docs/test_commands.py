"""Every command of every page is run by a test, or marked as one that needs an AWS account.

Blocks of `explain`, `whatif` and what else takes a second run here. TESTED names the test that runs each other command.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.test_prose import PAGES
from tests.doubles import shop_logs

ROOT = Path(__file__).resolve().parents[2]
MARK = "<!-- needs an AWS account -->"
RUN_S = 50
PROGRAMS = r"\./\S+|/opt/\S+|aws|sam|npx|npm|pip|terraform|docker|unzip|duckdb|python3?|curl|git|gh|cd|export|sha256sum|cosign"
COMMAND = re.compile(rf"^\s*(?:{PROGRAMS})(?: (?!-->).*)?$")
SHELLS = ("", "sh", "bash", "shell", "console")

RUNS_HERE = re.compile(r"^(?:\./build\.sh (?:explain|whatif) (?!LOG|ID)|unzip |duckdb )")

TESTED = {
    r"\./build\.sh demo": (
        "tests/emulator/demo/test_main.py",
        '"--functions", "python", "--quick"',
    ),
    r"\./build\.sh layer --standalone .*--packing": (
        "tests/standalone/test_build.py",
        "test_build_can_pack_a_tree_of_files",
    ),
    r"\./build\.sh layer --standalone": (
        "tests/standalone/test_build.py",
        "test_zip_is_small_and_whole",
    ),
    r"\./build\.sh layer": ("tests/tools/test_commands.py", "build_layer"),
    r"\./build\.sh publish(?!.*--yes)": ("tests/layer/test_publish.py", "nothing was published"),
    r"\./build\.sh publish +the layer": ("tests/layer/test_publish.py", "--yes"),
    r"\./build\.sh docs": ("tests/docs_site/test_main.py", "test_site_is_made_without_a_warning"),
    r"\./build\.sh test --standalone": ("tests/tools/test_testing.py", "run_standalone_tests"),
    r"\./build\.sh test": ("tests/tools/test_testing.py", "run_tests"),
    r"\./build\.sh fuzz --properties": ("tests/tools/test_testing.py", "run_property_tests"),
    r"\./build\.sh fuzz": ("tests/fuzz/test_fuzz.py", "test_command_sums_up_what_was_tried"),
    r"\./build\.sh chaos": ("tests/chaos/test_chaos.py", "test_short_life_breaks_no_promise"),
    r"\./build\.sh (?:fleet|bench|whatif|explain|attach|release|show)": (
        "tests/tools/test_build_sh.py",
        "test_command_is_handed_on_word_for_word",
    ),
    r"\./build\.sh (?:detach|status) --functions recorded": (
        "tests/docs/test_attach_pages.py",
        "test_commands_to_take_it_off_run",
    ),
    r"\./build\.sh prove": (
        "tests/tools/test_build_sh.py",
        "test_command_is_handed_on_word_for_word",
    ),
    r"\./build\.sh lint": ("tests/tools/test_linting.py", "lint("),
    r"\./build\.sh lock": ("tests/tools/test_locking.py", "lock("),
    r"/opt/extensions/flight-recorder --check": ("tests/end_to_end/test_check.py", "--check"),
    r"python -m emulator serve": ("tests/emulator/test_serve.py", "serve"),
    r"python -m emulator build": ("tests/emulator/machine/test_programs.py", "build("),
    r"python -m emulator": ("tests/emulator/test_main.py", "test_help_documents_options"),
}
"""Commands, and the file and the words of the test that runs each; the first that fits counts."""

TESTED_PAGES = {
    "docs/attach/aws-cli.md": "tests/docs/test_attach_pages.py",
    **{
        f"docs/attach/{name}.md": "tests/packages/test_pages.py"
        for name in ("cdk", "sam", "serverless", "terraform")
    },
    "docs/attach/rollbacks.md": "tests/docs/test_attach_pages.py",
    "docs/local-lambda.md": "tests/docs/test_local_lambda_page.py",
    "docs/show.md": "tests/docs/test_show_page.py",
    "docs/prove.md": "tests/docs/test_prove_page.py",
    "docs/release.md": "tests/docs/test_release_page.py",
}
"""Pages with a test of their own, which runs their commands or holds their marks."""

ANSWERS_1 = {
    "REDACT=(?<=": "every line is masked as a whole",
    "SAMPLE_RATE=12": "a number from 0 to 1",
}
"""Commands of a page that show something wrong, and what they say."""


class Block(NamedTuple):
    """A block of commands of a page, and whether it is marked."""

    page: str
    commands: tuple[str, ...]
    is_marked: bool


def raw_blocks(text: str) -> Iterator[tuple[list[str], bool]]:
    """Yield the lines of each block of code that may be a shell's, and whether the mark stands before it."""
    before, lines, fence, is_shell = "", list[str](), False, True
    for line in [*text.splitlines(), "the end"]:
        if fence and line.strip() != "```":
            lines.append(line)
        elif line.startswith("```") or fence:
            if fence and is_shell:
                yield lines, before == MARK
            is_shell = line[3:] in SHELLS
            before, lines, fence = before if not fence else "", [], not fence
        elif line.startswith("    ") or (lines and not line.strip()):
            lines.append(line)
        else:
            if lines:
                yield lines, before == MARK
                before, lines = "", []
            before = line.strip() or before


def blocks() -> list[Block]:
    """Return the blocks that have a command, page by page; a command has all its lines."""
    found = []
    for page in PAGES:
        for lines, is_marked in raw_blocks(page.read_text(encoding="utf-8")):
            joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
            commands = tuple(
                re.split(r"\s{2,}#", line.strip())[0]
                for line in joined.splitlines()
                if COMMAND.match(line)
            )
            if commands:
                found.append(Block(page.relative_to(ROOT).as_posix(), commands, is_marked))
    return found


BLOCKS = blocks()
COMMANDS_HERE = sorted(
    {
        command
        for block in BLOCKS
        if not block.is_marked and block.page not in TESTED_PAGES
        for command in block.commands
        if RUNS_HERE.match(command)
    }
)


def test_blocks_are_found() -> None:
    """The pattern sees indented ones, fenced ones, and marks."""
    assert len(BLOCKS) > 40
    assert any(block.is_marked for block in BLOCKS)
    assert len(COMMANDS_HERE) > 8
    assert {block.page for block in BLOCKS} >= {"README.md", "docs/quick-start.md"}


@pytest.mark.parametrize("page", sorted({block.page for block in BLOCKS} - {*TESTED_PAGES}))
def test_command_is_run_by_a_test_or_marked(page: str) -> None:
    for block in BLOCKS:
        if block.page != page or block.is_marked:
            continue
        for command in block.commands:
            if RUNS_HERE.match(command):
                continue
            tests = [value for pattern, value in TESTED.items() if re.match(pattern, command)]
            assert tests, f"{command!r} is neither run by a test nor marked with {MARK}"
            file, words = tests[0]
            assert words in (ROOT / file).read_text(encoding="utf-8"), (file, words)


@pytest.mark.parametrize("page", sorted(TESTED_PAGES))
def test_page_with_a_test_of_its_own_has_it(page: str) -> None:
    if (ROOT / page).exists():
        test = (ROOT / TESTED_PAGES[page]).read_text(encoding="utf-8")
        assert Path(page).name in test


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the pages' commands name: logs, a configuration, records and a layer."""
    log = shop_logs.tail(shop_logs.shop())
    for name in ("my-function.log", "shop.log"):
        (tmp_path / name).write_text(log, encoding="utf-8")
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported" / "000000.log").write_text(log, encoding="utf-8")
    configuration = {"FunctionName": "shop", "Environment": {"Variables": {"A": "1"}}}
    (tmp_path / "shop.json").write_text(json.dumps(configuration), encoding="utf-8")
    (tmp_path / "kept.ndjson").write_text('{"id":"a-1"}\n{"id":"a-1"}\n{"id":"a-2"}\n')
    (tmp_path / "dist").mkdir()
    with zipfile.ZipFile(tmp_path / "dist" / "flight-recorder-python.zip", "w") as layer:
        layer.writestr("extensions/flight-recorder", "#!/bin/sh\n")
    script = tmp_path / "build.sh"
    script.write_text(
        "#!/bin/bash\n"
        "declare -A programs=([explain]=whatif.explain [whatif]=whatif)\n"
        f'exec env PYTHONPATH={ROOT} {sys.executable} -m "${{programs[$1]}}" "${{@:2}}"\n'
    )
    script.chmod(0o755)
    return tmp_path


def duckdb(folder: Path) -> Path:
    """Put DuckDB's library where the pages have its program, with the one option that they use."""
    services = Path(os.environ.get("FLIGHT_RECORDER_SERVICES") or ROOT / ".cache" / "services")
    python = services / "bin" / "python"
    program = folder / "bin" / "duckdb"
    program.parent.mkdir()
    code = "import duckdb, sys; print(duckdb.sql(sys.argv[2]))"
    program.write_text(f"#!/bin/sh\nexec {python} -c '{code}' \"$@\"\n")
    program.chmod(0o755)
    if not python.exists():
        pytest.skip("the services are not here")
    return program


@pytest.mark.newest
@pytest.mark.parametrize("command", COMMANDS_HERE)
def test_command_of_a_page_runs(command: str, folder: Path) -> None:
    """It does what the page says; where the page shows a mistake, the command says so."""
    path = os.environ["PATH"]
    if command.startswith("unzip") and shutil.which("unzip") is None:
        pytest.skip("unzip is not installed")
    if command.startswith("duckdb"):
        path = f"{duckdb(folder).parent}{os.pathsep}{path}"

    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_S,
    )

    wrong = [says for what, says in ANSWERS_1.items() if what in command]
    assert done.returncode == len(wrong), done.stdout + done.stderr
    told = " ".join(done.stdout.split())
    assert all(says in told for says in wrong), told
    assert told
