"""Show what was kept: ``python -m show``, usually called by ``./build.sh show``."""

import os
import shutil
import sys
import time
from collections.abc import Sequence

from show.arguments import Asked, parser
from show.model.errors import ShowError
from show.report.page import list_page, whole_page
from show.report.text import list_lines, whole_lines
from show.report.view import list_view, looked_text, whole_view
from show.report.words import several
from show.search import kept_in, whole_of
from show.sources.base import Source
from show.sources.cloudwatch import LogGroup
from show.sources.command import Aws, environ
from show.sources.files import Files
from show.sources.progress import Progress
from show.sources.s3 import Bucket
from show.sources.span import read_since
from terminal.paint import Paint
from terminal.pipes import forget_output

MIN_WIDTH, MAX_WIDTH = 60, 240
"""Of tables: a narrower terminal breaks their lines, and wider ones are hard to read across."""

MAX_SHOWN_IDS = 10
"""Of those that begin with what was asked for."""


class Shown:
    """What a run shows: lines, perhaps a page, and whether it found something."""

    def __init__(self, lines: Sequence[str], page: str, *, found: bool = True) -> None:
        self.lines = lines
        self.page = page
        self.found = found


class Screen:
    """How standard output shows text."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()
        plain = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
        self.paint = Paint(self.is_terminal and not plain)
        self.width = min(max(shutil.get_terminal_size((100, 24)).columns, MIN_WIDTH), MAX_WIDTH)


def sources_of(asked: Asked, *, now_s: float) -> list[Source]:
    """Return the places that are asked for; nothing is read yet.

    Raises:
        ShowError: ``--since`` is no time.
    """
    progress = Progress()
    given = read_since(asked.since, now_s=now_s) if asked.since else None
    span = given or read_since(asked.default_since, now_s=now_s)
    aws = Aws(asked.region, progress, environ())
    return [
        *(LogGroup(one, span, aws=aws, progress=progress) for one in asked.groups),
        *(Bucket(one, span, aws=aws, progress=progress) for one in asked.buckets),
        *(Files(one, given, progress=progress) for one in asked.files),
    ]


def _list(asked: Asked, sources: Sequence[Source], looked: str, screen: Screen) -> Shown:
    view = list_view(kept_in(sources), looked=looked, with_healthy=asked.with_healthy)
    return Shown(list_lines(view, screen.paint, width=screen.width), list_page(view))


def _whole(asked: Asked, sources: Sequence[Source], looked: str, screen: Screen) -> Shown:
    whole = whole_of(asked.wanted, sources)
    if not whole.attempts:
        return Shown([_nothing(asked.wanted, whole.ids, looked)], "", found=False)
    view = whole_view(whole.attempts, whole.others, only_failed=asked.only_failed)
    wraps = screen.is_terminal
    lines = whole_lines(view, screen.paint, width=screen.width, wraps=wraps)
    return Shown(lines, whole_page(view))


def _nothing(wanted: str, ids: Sequence[str], looked: str) -> str:
    if not ids:
        return (
            f"No kept invocation has an id that begins with {wanted}, in {looked}. A longer --since looks further back;"
            " a healthy invocation may not have been kept."
        )
    shown = ", ".join(ids[:MAX_SHOWN_IDS])
    more = f" and {several(len(ids) - MAX_SHOWN_IDS, 'other')}" if len(ids) > MAX_SHOWN_IDS else ""
    return f"{several(len(ids), 'id')} begin with {wanted}: {shown}{more}. Write more of the one that you mean."


def run(words: Sequence[str]) -> int:
    """Show what is asked for; return the exit code.

    Raises:
        OSError: The page cannot be written.
        ShowError: Nothing can be shown.
    """
    asked = Asked(parser().parse_args(words))
    page = asked.page
    if page is not None and not page.absolute().parent.is_dir():
        raise ShowError(f"{page}: there is no such folder to write the page to")
    sources = sources_of(asked, now_s=time.time())
    since = asked.since or (asked.default_since if asked.asks_aws else "")
    looked = looked_text([source.name for source in sources], since=since)
    show = _whole if asked.wanted else _list
    shown = show(asked, sources, looked, Screen())
    if hasattr(sys.stdout, "reconfigure"):
        # What the terminal cannot show is shown by its number.
        sys.stdout.reconfigure(errors="backslashreplace")
    print(*shown.lines, sep="\n", flush=True)
    for note in dict.fromkeys(note for source in sources for note in source.notes):
        sys.stderr.write(f"show: {note}\n")
    if page is not None and shown.page:
        page.write_text(shown.page, encoding="utf-8")
        print("", f"The page: {page}", sep="\n")
    return 0 if shown.found else 1


def main(words: Sequence[str]) -> int:
    """Run the command line.

    Returns:
        The exit code: 0, 1 if no invocation has the id, 2 if nothing could be looked at.
    """
    try:
        return run(words)
    except BrokenPipeError:
        forget_output()
        return 0
    except (ShowError, OSError) as error:
        sys.stderr.write(f"show: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("show: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
