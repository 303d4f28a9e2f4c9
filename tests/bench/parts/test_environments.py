from pathlib import Path

from bench.parts.environments import Case, Figures, cases, in_turn
from bench.subjects import KEEPING, LAYER, OBVIOUS, Bench, Subject

OLD = "layer old.zip"


def bench(certificate: Path | None) -> Bench:
    names = (KEEPING, OBVIOUS, LAYER, OLD)
    subjects = {
        name: Subject(name=name, command=(name,), is_layer=name.startswith("layer"))
        for name in names
    }
    return Bench(
        python=Path(),
        version="",
        subjects=subjects,
        beside=(OLD,),
        ways={},
        brings_python=False,
        quick=False,
        scratch=Path(),
        certificate=certificate,
    )


def test_all_subjects_take_part_over_both_sinks() -> None:
    """The floor has no TLS; without a certificate nobody has."""
    measured = cases(bench(Path("certificate.pem")))
    assert [case.name for case in measured if not case.is_https] == [KEEPING, OBVIOUS, LAYER, OLD]
    assert [case.name for case in measured if case.is_https] == [OBVIOUS, LAYER, OLD]

    assert not any(case.is_https for case in cases(bench(None)))


def test_passes_alternate_the_order() -> None:
    """A machine that slows down must not do so for one subject alone."""
    chosen = cases(bench(None))

    assert list(in_turn(chosen, 2)) == chosen + chosen[::-1]


def test_both_sinks_are_held_against_the_floor_over_http() -> None:
    """It is what an HTTPS sink's own costs come on top of."""
    figures = Figures("part")
    layer = Subject(name=LAYER, command=(LAYER,))
    for name, is_https, value in (
        (KEEPING, False, 2.0),
        (LAYER, False, 8.0),
        (LAYER, True, 12.0),
    ):
        figures.add("it", Case(name, layer, is_https), value)

    plain, secure = figures.both("it", "ms", {"limit_ratio": 4.0}, {"limit_ratio": 5.0})

    assert (plain.what, plain.ratio_to(plain.reference), plain.met) == ("it", 4.0, True)
    assert (secure.what, secure.ratio_to(secure.reference), secure.met) == (
        "it, HTTPS sink",
        6.0,
        False,
    )
