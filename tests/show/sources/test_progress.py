from show.sources.progress import EVERY_S, Progress


def test_a_short_search_says_nothing_and_a_long_one_speaks_in_time() -> None:
    """Nobody waits for ten seconds without a word."""
    now_s = [0.0]
    said: list[str] = []
    progress = Progress(said.append, monotonic_s=lambda: now_s[0])

    for second in range(30):
        now_s[0] = float(second)
        progress.tell(f"at {second}")

    assert said[0] == f"show: at {EVERY_S:.0f}\n"
    assert len(said) == 5
    assert EVERY_S < 10
