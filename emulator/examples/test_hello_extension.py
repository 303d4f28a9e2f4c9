"""What a test of your own extension may look like: copy it and put your layer in place of this one."""

# ruff: noqa: INP001, S101 - a test file to copy, not a module of the package

from pathlib import Path

import pytest

from emulator.cloud import LocalLambda
from emulator.model.function import Function
from emulator.model.variations import Variations

LAYER = Path(__file__).with_name("hello_extension")


@pytest.mark.parametrize(
    "variations",
    [Variations(), Variations(lines_after_runtime_done=True), Variations(missing_tracing=True)],
    ids=["as usual", "late lines", "no tracing"],
)
def test_every_line_is_counted(tmp_path: Path, variations: Variations) -> None:
    """Three invocations, one of which fails, write seven lines; the extension hears of each."""
    (tmp_path / "app.py").write_text(
        "def handler(event, context):\n    print('one')\n    print('two')\n    return 1 / event\n"
    )

    with LocalLambda(Function(code=tmp_path), layers=[LAYER], variations=variations) as cloud:
        results = [cloud.invoke(event) for event in (1, 2, 0)]
        ended = cloud.shutdown()
        said = [line.text for line in cloud.extension_output]

    assert [result.status for result in results] == ["success", "success", "error"]
    assert said == ["7 lines\n"]
    assert ended is not None
    assert not ended.extensions["hello"].killed
