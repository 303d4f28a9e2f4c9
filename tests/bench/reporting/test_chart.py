from xml.etree import ElementTree as ET

from bench.reporting.chart import Bar, Group, draw

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)  # noqa: S314 - we drew it ourselves


def widths(drawn: str) -> list[float]:
    return [float(bar.attrib["width"]) for bar in parsed(drawn).iter(f"{SVG}rect")]


def test_bars_are_as_long_as_their_values() -> None:
    """Each group has its own scale, from zero."""
    times = Group(
        heading="time", unit="ms", bars=[Bar(label="a", value=10), Bar(label="b", value=5)]
    )
    sizes = Group(heading="size", unit="MB", bars=[Bar(label="a", value=1000)])

    longest, half, other = widths(draw("title", [times, sizes]))

    assert half == longest / 2
    assert other == longest


def test_nothing_at_all_has_a_bar_of_no_length() -> None:
    """A group of zeros is drawn, and so is a value below zero."""
    group = Group(
        heading="added", unit="ms", bars=[Bar(label="a", value=0), Bar(label="b", value=-1)]
    )

    assert widths(draw("title", [group])) == [0, 0]


def test_text_is_escaped() -> None:
    """What a heading holds is text, not markup."""
    drawn = draw("a < b", [Group(heading='"x" & y', unit="", bars=[Bar(label="<c>", value=1)])])

    texts = [element.text for element in parsed(drawn).iter(f"{SVG}text")]
    assert texts == ["a < b", '"x" & y', "<c>", "1.00"]


def test_the_picture_is_as_high_as_what_it_holds() -> None:
    """No bar lies outside of it."""
    bars = [Bar(label=str(number), value=number, marked=number == 1) for number in range(5)]
    root = parsed(
        draw(
            "title",
            [Group(heading="one", unit="", bars=bars), Group(heading="two", unit="", bars=bars)],
        )
    )

    bottom = max(
        float(bar.attrib["y"]) + float(bar.attrib["height"]) for bar in root.iter(f"{SVG}rect")
    )
    assert bottom < float(root.attrib["height"]) < bottom + 50


def test_the_caption_is_below() -> None:
    """What was measured on stands under the last bar."""
    group = Group(heading="one", unit="", bars=[Bar(label="a", value=1)])
    root = parsed(draw("title", [group], caption="abc123 & more"))

    caption = list(root.iter(f"{SVG}text"))[-1]
    bar = next(root.iter(f"{SVG}rect"))
    assert caption.text == "abc123 & more"
    assert float(bar.attrib["y"]) + 16 < float(caption.attrib["y"]) < float(root.attrib["height"])


def test_it_follows_the_readers_preference_for_dark() -> None:
    """Text has a colour for either background."""
    assert "prefers-color-scheme:dark" in draw("title", [])
