"""docs/attach/: each command of the pages on packages runs in a test, or is marked as one that needs an AWS account."""

import re
from pathlib import Path

import pytest

from tests.packages.attached import PAGES

MARK = "<!-- needs an AWS account -->\n"

BLOCK = re.compile(rf"({re.escape(MARK)}\n)?((?:^    (?!  ).*\n)+)", re.MULTILINE)
"""Each with its mark, or without one. Lines of a list's item are indented by two, and those of a command's rest by eight."""

RUN = {
    "terraform.md": {},
    "sam.md": {},
    "serverless.md": {
        "npm pack ./packages/serverless-plugin": ("test_serverless.py", '"npm", "pack"'),
        "npm install --prefix SERVICE ./serverless-flight-recorder-0.1.0.tgz": (
            "test_serverless.py",
            '"npm", "install"',
        ),
    },
    "cdk.md": {
        "pip install ./packages/cdk-python": ("test_cdk.py", '"pip", "--python"'),
        # The peers that this fetches are there already.
        "npm install --prefix packages/cdk-typescript": ("test_cdk.py", "symlink_to(modules)"),
        "npm pack ./packages/cdk-typescript": ("test_cdk.py", '"npm", "pack"'),
        "npm install --prefix APPLICATION ./flight-recorder-cdk-0.1.0.tgz": (
            "test_cdk.py",
            '"npm", "install"',
        ),
    },
}
"""Commands without the mark, and the words of the test that runs each."""


@pytest.mark.parametrize("page", RUN)
def test_commands_are_run_or_marked(page: str) -> None:
    text = re.sub(r"(?ms)^```.*?^```", "", (PAGES / page).read_text(encoding="utf-8"))
    blocks = BLOCK.findall(text)

    unmarked = [line.strip() for mark, block in blocks if not mark for line in block.splitlines()]
    assert any(mark for mark, _ in blocks)
    assert unmarked == list(RUN[page])
    for file, words in RUN[page].values():
        assert words in Path(__file__).with_name(file).read_text(encoding="utf-8")
