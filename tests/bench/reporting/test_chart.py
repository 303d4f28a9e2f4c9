from xml.etree import ElementTree as ET

from bench.reporting.chart import Bar, Group, draw

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)  # noqa: S314 - we drew it ourselves


def widths(drawn: str) -> list[float]:
    return [float(bar.attrib["width"]) for bar in parsed(drawn).iter(f"{SVG}rect")]


def test_draw_scales_bars_by_their_values() -> None:
    """Each group has its own scale, from zero."""
    times = Group(
        heading="time", unit="ms", bars=[Bar(label="a", value=10), Bar(label="b", value=5)]
    )
    sizes = Group(heading="size", unit="MB", bars=[Bar(label="a", value=1000)])

    longest, half, other = widths(draw("title", [times, sizes]))

    assert half == longest / 2
    assert other == longest


def test_draw_takes_zero_and_less() -> None:
    """Neither has a bar of any length."""
    group = Group(
        heading="added", unit="ms", bars=[Bar(label="a", value=0), Bar(label="b", value=-1)]
    )

    assert widths(draw("title", [group])) == [0, 0]


def test_draw_escapes_text() -> None:
    """A heading is text, not markup."""
    drawn = draw("a < b", [Group(heading='"x" & y', unit="", bars=[Bar(label="<c>", value=1)])])

    texts = [element.text for element in parsed(drawn).iter(f"{SVG}text")]
    assert texts == ["a < b", '"x" & y', "<c>", "1.00"]


def test_draw_is_as_high_as_its_content() -> None:
    """No bar lies outside of the picture, and the caption stands below the last one."""
    bars = [Bar(label=str(number), value=number, marked=number == 1) for number in range(5)]
    groups = [Group(heading=name, unit="", bars=bars) for name in ("one", "two")]
    root = parsed(draw("title", groups, caption="abc123 & more"))

    bottom = max(
        float(bar.attrib["y"]) + float(bar.attrib["height"]) for bar in root.iter(f"{SVG}rect")
    )
    caption = list(root.iter(f"{SVG}text"))[-1]
    assert caption.text == "abc123 & more"
    assert bottom < float(caption.attrib["y"]) < float(root.attrib["height"]) < bottom + 70


def test_draw_follows_the_preference_for_dark() -> None:
    """Text has a colour for either background."""
    assert "prefers-color-scheme:dark" in draw("title", [])
