from pathlib import Path

from bench.subjects import MORE_ROUNDS, Bench, Subject

OLD = "layer old.zip"


def bench(*beside: str, quick: bool = False) -> Bench:
    subjects = {
        name: Subject(name=name, command=(name,), is_layer=name.startswith("layer"))
        for name in ("floor", "layer", *beside)
    }
    here = Path()
    more = {"python": here, "version": "", "ways": {}, "brings_python": False, "scratch": here}
    return Bench(subjects=subjects, beside=beside, quick=quick, **more)  # type: ignore[arg-type]


def test_rounds_alternate_the_order_and_repeat_compared_layers() -> None:
    """A machine that slows down must not do so for one layer alone, and a few percent need more repetitions."""
    first, second, third = map(list, bench().rounds(3, 1))
    assert first == third == second[::-1] == ["floor", "layer"]

    compared = [set(one) for one in bench(OLD).rounds(3, 1)]
    assert compared == [{"floor", "layer", OLD}] * 3 + [{"layer", OLD}] * MORE_ROUNDS
    assert len(list(bench(OLD, quick=True).rounds(3, 1))) == 2


def test_chosen_adds_the_layers_beside() -> None:
    """Each part measures another layer wherever it measures the layer."""
    assert [list(bench(OLD).chosen(*names)) for names in (("floor", "layer"), ("floor",))] == [
        ["floor", "layer", OLD],
        ["floor"],
    ]


def test_words_are_for_programs_and_settings_for_layers() -> None:
    """The floor takes words on its command line, which a layer would refuse."""
    subjects = bench(OLD).subjects

    assert subjects["floor"].with_words("hold").command == ("floor", "hold")
    assert subjects[OLD].with_words("hold").command == (OLD,)
    assert subjects["layer"].with_settings(FLUSH="end").environ == {"FLIGHT_RECORDER_FLUSH": "end"}
