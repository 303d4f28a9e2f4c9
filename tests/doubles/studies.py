"""A study of the shop's log, for the tests of what is made of it."""

from pathlib import Path

from tests.doubles import shop_logs
from whatif.replay.grid import grid_of, read_axis
from whatif.replay.study import Study, study_of


def study_shop(folder: Path, *axes: str, environ: dict[str, str] | None = None) -> Study:
    """Replay the shop's log, as `aws logs tail` writes it, from a file with a name that is the same everywhere."""
    path = folder / "shop.log"
    path.write_text(shop_logs.tail(shop_logs.shop()), encoding="utf-8")
    return study_of([str(path)], grid_of(environ or {}, [read_axis(axis) for axis in axes]))
