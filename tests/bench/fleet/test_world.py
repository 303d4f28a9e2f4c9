from bench.fleet.world import Life, World


def test_lives_take_turns_in_the_order_of_their_times() -> None:
    """Those of one moment in the order in which they were planned."""
    world, seen = World(), list[tuple[str, float]]()

    def life(name: str, *waits_s: float) -> Life:
        for wait_s in waits_s:
            seen.append((name, world.now_s))
            yield wait_s
        seen.append((name, world.now_s))

    world.begin(life("a", 2.0, 2.0), 0.0)
    world.begin(life("b", 1.0), 1.0)
    world.run(10.0)

    assert seen == [("a", 0.0), ("b", 1.0), ("a", 2.0), ("b", 2.0), ("a", 4.0)]
    assert world.now_s == 10.0


def test_what_is_behind_the_end_waits() -> None:
    """A world can be looked at in between."""
    world, seen = World(), list[float]()

    def life() -> Life:
        yield 5.0
        seen.append(world.now_s)

    world.begin(life(), 0.0)
    world.run(4.0)
    assert not seen
    world.run(6.0)

    assert seen == [5.0]
