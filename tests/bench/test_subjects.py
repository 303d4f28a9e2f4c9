from pathlib import Path

from bench.subjects import MORE_ROUNDS, Bench, Subject


def bench(*beside: str, quick: bool = False) -> Bench:
    names = ("floor", "obvious", "layer", *beside)
    return Bench(
        python=Path("python3"),
        version="3.13",
        subjects={
            name: Subject(name=name, command=(name,), is_layer=name.startswith("layer"))
            for name in names
        },
        beside=beside,
        ways={},
        brings_python=False,
        quick=quick,
        scratch=Path("scratch"),
    )


def test_rounds_alternate_the_order_of_subjects() -> None:
    """A machine that slows down must not do so for one of two layers alone."""
    first, second, third = map(list, bench().rounds(3, 1))

    assert first == third == second[::-1] == ["floor", "obvious", "layer"]


def test_rounds_repeat_the_layers_where_two_are_compared() -> None:
    """A difference of a few percent needs more repetitions than a ratio to the floor."""
    rounds = [set(one) for one in bench("layer old.zip").rounds(3, 1)]

    assert rounds[3:] == [{"layer", "layer old.zip"}] * MORE_ROUNDS
    assert len(list(bench("layer old.zip", quick=True).rounds(3, 1))) == 2


def test_chosen_adds_the_layers_beside() -> None:
    """Each part measures another layer wherever it measures the layer."""
    assert list(bench("layer old.zip").chosen("floor", "layer")) == [
        *("floor", "layer", "layer old.zip")
    ]
    assert list(bench("layer old.zip").chosen("floor")) == ["floor"]


def test_words_are_for_programs_and_settings_for_layers() -> None:
    """The floor takes words on its command line, which a layer would refuse."""
    subjects = bench("layer old.zip").subjects

    assert subjects["floor"].with_words("hold").command == ("floor", "hold")
    assert subjects["layer old.zip"].with_words("hold").command == ("layer old.zip",)
    assert subjects["layer"].with_settings(FLUSH="end").environ == {"FLIGHT_RECORDER_FLUSH": "end"}
