"""Compare the lines that an invocation was told to write with the lines that were kept, one by one. Pure."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from prove.plan.ways import Told

NEW_START = "init-restarted"
"""The reason of a healthy invocation that is kept because Lambda started the process anew within it."""


class Kept(NamedTuple):
    """What the sink has of one invocation.

    Attributes:
        lines: Texts of lines, each from the invocation's stem on.
        reason: Why it was kept; empty where nothing tells.
        seconds: From the invocation's answer until the last line was there; None if one is missing.
    """

    lines: tuple[str, ...]
    reason: str = ""
    seconds: float | None = None


class Went(NamedTuple):
    """How one invocation went, as Lambda told the caller.

    Attributes:
        error: Lambda's word for an error; empty for none.
        request_id: Empty where Lambda did not tell it.
        problem: Why there was no answer; empty if there was one.
    """

    error: str = ""
    request_id: str = ""
    problem: str = ""


class Verdict(NamedTuple):
    """The verdict on one invocation.

    Attributes:
        missing: Lines that were told and not kept.
        twice: Copies beyond the first.
        altered: Lines kept that nobody told to write.
        faults: What is wrong, in sentences; none if all is well.
    """

    told: Told
    kept: Kept
    written: int
    missing: int
    twice: int
    altered: int
    faults: tuple[str, ...]


def lines_of(texts: Iterable[str], told: Told) -> tuple[str, ...]:
    """Find an invocation's lines among texts, each from its stem on: a runtime puts its prefix in front."""
    stem = f"{told.stem} "
    return tuple(text[at:] for text in texts if (at := text.find(stem)) >= 0)


def judge(told: Told, went: Went, kept: Kept, *, rate: str) -> Verdict:
    """Judge one invocation.

    Args:
        told: What it was told.
        went: How it went.
        kept: What the sink has of it.
        rate: The function's SAMPLE_RATE.
    """
    counted = Counter(kept.lines)
    missing = [line for line in told.lines if not counted[line]]
    twice = sum(counted[line] - 1 for line in told.lines if counted[line] > 1)
    altered = sum((counted - Counter(told.lines * len(kept.lines))).values())
    must_keep = told.way.fails or rate != "0"
    # A healthy invocation that is kept is kept whole: the rule that did so keeps everything.
    expects_all = must_keep or kept.reason == NEW_START
    faults = list(_wrong_ends(told, went))
    if expects_all and missing:
        faults.append(f"{len(missing)} of {len(told.lines)} lines are missing, first: {missing[0]}")
    if twice:
        faults.append(f"{twice} lines are there twice")
    if altered:
        faults.append(f"{altered} lines are there that were not written so")
    if not expects_all and kept.lines:
        faults.append(f"it is healthy, and {len(kept.lines)} of its lines were kept: {kept.reason}")
    return Verdict(
        told=told,
        kept=kept,
        written=len(told.lines),
        missing=len(missing) if expects_all else 0,
        twice=twice,
        altered=altered,
        faults=tuple(faults),
    )


def _wrong_ends(told: Told, went: Went) -> Iterable[str]:
    if went.problem:
        yield f"it could not be invoked: {went.problem}"
    elif bool(went.error) != told.way.errs:
        yield f"it did not end as planned: Lambda told of {went.error or 'no error'}"
