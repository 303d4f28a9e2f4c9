"""REDACT on several threads at once, as with SINK and ARCHIVE_SINK."""

import json
import random
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import settings

from extension.redaction.patterns import MASK, Patterns, read_patterns
from extension.redaction.redactor import Redactor
from tests.conftest import ORDINARY_EXAMPLES
from tests.doubles.lambda_events import compact, line

SWITCH_INTERVAL_S = 0.0005
"""As the extension sets it."""

LINES = 1_200 if settings().max_examples == ORDINARY_EXAMPLES else 60_000
LINES_A_ROUND = 120
"""An automaton grows with its first lines, so each round begins with new ones."""

SETTING = json.dumps(["all", "order-[0-9]+", "(?i)kunde[ =]\\w+", "[^ -~]{3,}#"])
LETTERS = "äöüßéèçñøåæœłčšžřабвгде中文日本語ελληνικά"


@pytest.fixture
def _quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    yield
    sys.setswitchinterval(before)


def secrets_and_events(seed: int) -> list[tuple[str, bytes]]:
    chance = random.Random(seed)
    made = []
    for number in range(LINES_A_ROUND):
        word = "".join(chance.choices(LETTERS + "abcxyz", k=12))
        secret = f"hunter{seed}x{number}"
        text = chance.choice(
            [
                f"{word} order-{number:06d} password={secret} {word}",
                f'{{"note":"{word}","user":"Kunde {secret}"}}',
                f"{word}{word[:3]}# order-77{number:04d} mail {secret}@example.com {word[::-1]}",
            ]
        )
        made.append((secret, compact(line(text))))
    return made


def mask_on_two_threads(patterns: Patterns, events: list[bytes]) -> list[list[bytes]]:
    """Return what each of two threads makes of the events, with one redactor for both."""
    made: list[list[bytes]] = [[], []]
    begin = threading.Barrier(2)
    redactor = Redactor(patterns)

    def mask(out: list[bytes]) -> None:
        begin.wait()
        out.extend(map(redactor.redact, events))

    threads = [threading.Thread(target=mask, args=(out,)) for out in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


@pytest.mark.hypothesis
@pytest.mark.usefixtures("_quick_switches")
def test_two_threads_mask_every_line_as_one_does() -> None:
    """No secret is shown, and no error of ours masks a whole line. ``./build.sh fuzz --properties`` masks 60,000 lines."""
    shown = whole = different = 0

    for seed in range(LINES // LINES_A_ROUND // 2):
        secrets, events = zip(*secrets_and_events(seed), strict=True)
        expected = list(map(Redactor(read_patterns(SETTING)).redact, events))
        for masked in mask_on_two_threads(read_patterns(SETTING), list(events)):
            records = [json.loads(one)["record"] for one in masked]
            shown += sum(secret in one for secret, one in zip(secrets, records, strict=True))
            whole += records.count(MASK)
            different += masked != expected

    assert (shown, whole, different) == (0, 0, 0)
