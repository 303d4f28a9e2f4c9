"""Read the command line."""

import argparse
from pathlib import Path

from show.model.errors import ShowError
from whatif.logs.files import STANDARD_INPUT

LIST_SINCE, ONE_SINCE = "1h", "1d"
S3 = "s3://"

NOWHERE = "name what to look at: --group /flight-recorder/FUNCTION (the default sink's group), s3://BUCKET/PREFIX, or files"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    main = argparse.ArgumentParser(
        prog="./build.sh show",
        description="Show the failures of a time, or one invocation whole: each line that was kept of it, what is missing,"
        " the history before it, and the other invocations of its transaction.",
    )
    main.add_argument(
        "words",
        nargs="*",
        metavar="s3://BUCKET/PREFIX | FILE | FOLDER | ID",
        help="what an s3:// or a file: sink wrote, what an aws logs command printed, or - for standard input; and at most"
        " one ID: a request, trace or correlation id, or the beginning of one",
    )
    main.add_argument(
        "--group",
        nargs="+",
        action="extend",
        default=[],
        metavar="GROUP",
        help="a log group with kept lines, such as /flight-recorder/checkout; an ID with a slash goes before --group",
    )
    main.add_argument(
        "--failed",
        action="store_true",
        help="failures alone, also among the other invocations of a transaction",
    )
    main.add_argument(
        "--all", action="store_true", help="without ID: healthy invocations that were kept, too"
    )
    main.add_argument(
        "--since",
        metavar="TIME",
        help=f"a length such as 30m, 1h or 2d, or a time in UTC such as 2026-11-24T12:00 (default: {LIST_SINCE}, or"
        f" {ONE_SINCE} with an ID; of files, all)",
    )
    main.add_argument("--region", default="", metavar="REGION", help="of the groups and the bucket")
    main.add_argument("--html", type=Path, metavar="PAGE", help="write a page to this file, too")
    return main


class Asked:
    """What the command line asks for.

    Attributes:
        groups: Names of log groups.
        buckets: URLs with ``s3://``.
        files: Files and folders.
        wanted: The id; empty to list failures.
        since: How far back to look; empty for the default.
        region: Of the groups and buckets; empty for the aws command's own.
        page: The file to write the page to; None for no page.
        only_failed: Whether healthy invocations of the transaction are left out.
        with_healthy: Whether the list has healthy invocations, too.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        """Sort the words.

        Raises:
            ShowError: They name no place, or more than one id.
        """
        groups, others = list(given.group), list(given.words)
        # `--group A B ID`: what is no name of a group is a word behind it.
        while len(groups) > 1 and not _is_group(groups[-1]):
            others.append(groups.pop())
        self.groups = list(dict.fromkeys(groups))
        self.buckets = [one for one in others if one.startswith(S3)]
        left = [one for one in others if not one.startswith(S3)]
        self.files = [one for one in left if one == STANDARD_INPUT or Path(one).exists()]
        ids = [one for one in left if one not in self.files]
        if not (self.groups or self.buckets or self.files):
            missing = f"there is no file {ids[0]}; " if ids and _is_path(ids[0]) else ""
            raise ShowError(missing + NOWHERE)
        if len(ids) > 1:
            raise ShowError(f"{ids[0]} and {ids[1]} are no files, and only one ID can be shown")
        if ids and _is_path(ids[0]):
            raise ShowError(f"there is no file {ids[0]}")
        self.wanted = ids[0] if ids else ""
        self.since: str = given.since or ""
        self.region: str = given.region
        self.page: Path | None = given.html
        self.only_failed: bool = given.failed
        self.with_healthy: bool = given.all and not given.failed
        for bucket in self.buckets:
            if not bucket.removeprefix(S3).partition("/")[0]:
                raise ShowError(f"{bucket} names no bucket: write s3://BUCKET/PREFIX")

    @property
    def asks_aws(self) -> bool:
        """Whether a place is in AWS, where a span bounds what is read."""
        return bool(self.groups or self.buckets)

    @property
    def default_since(self) -> str:
        """How far back to look if nothing is said."""
        return ONE_SINCE if self.wanted else LIST_SINCE


def _is_group(word: str) -> bool:
    return "/" in word and not word.startswith(S3) and not Path(word).exists()


def _is_path(word: str) -> bool:
    return word.endswith((".ndjson", ".gz", ".json", ".log", ".txt", "/"))
