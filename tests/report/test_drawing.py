"""Charts as drawn: every mark in its place, every word inside the picture, whatever the values."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.report import svg
from llmopt.report.chart_table import numbers
from llmopt.report.drawing.bars import described, totals
from llmopt.report.drawing.canvas import clipped, flowed, width_of
from llmopt.report.drawing.numbers import tick
from llmopt.report.drawing.style import DARK, LIGHT, RULES, painted
from llmopt.report.table import Axis, Bars, Chart, Layer, LimitLine, Meter, Meters, Plot, PlotPoint, Series, Step
from llmopt.report.table import Waterfall as Fall

AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=6)
SIGNED = st.decimals(min_value=-(10**6), max_value=10**6, places=4)
LABELS = st.text(max_size=40)


def texts(chart: Chart, width: int = svg.WIDE) -> list[str]:
    return [tag.text or "" for tag in ET.fromstring(svg.svg(chart, width)).iter("text")]


def hovers(chart: Chart) -> list[str]:
    root = ET.fromstring(svg.svg(chart))
    return [child.text or "" for tag in root.iter() if tag.tag != "svg" for child in tag if child.tag == "title"]


def shapes(chart: Chart, style: str) -> list[tuple[float, float, float, float]]:
    """Left, top, width and height of the bars with a class."""
    found = []
    for tag in ET.fromstring(svg.svg(chart)).iter("path"):
        if tag.get("class") == style:
            match = re.fullmatch(r"M(\S+) (\S+)h(\S+)v(\S+)h-\S+z", tag.get("d", ""))
            assert match is not None
            found.append(tuple(map(float, match.groups())))
    return found  # type: ignore[return-value]


def bars_of(*layers: tuple[str, list[int]]) -> Bars:
    stacked = tuple(Layer(label, tuple(map(Decimal, values))) for label, values in layers)
    labels = tuple(f"2026-10-{day + 1:02}" for day in range(len(layers[0][1])))
    return Bars("spend", "Spend", "day", labels, stacked)


def test_stacked_bars_are_as_high_as_their_dollars() -> None:
    chart = bars_of(("a", [10, 20, 0]), ("b", [10, 5, 5]))
    low, high = shapes(chart, "s0"), shapes(chart, "s1")
    assert low[1][3] == pytest.approx(2 * low[0][3], abs=2)
    assert len(low) == 2 + 1  # a bar of nothing is not drawn; the legend has one
    assert high[0][1] + high[0][3] == pytest.approx(low[0][1], abs=1.1)  # on top, but for the gap
    assert hovers(chart)[:2] == ["2026-10-01, a: $10.00 of $20.00", "2026-10-01, b: $10.00 of $20.00"]
    assert totals(chart) == [20, 25, 5]
    words = "By day, 2026-10-01 to 2026-10-03. a: $30.00, b: $20.00. Most: $25.00 (2026-10-02)."
    assert described(chart) == words
    assert {"2026-10-01", "2026-10-03", "a", "b", "$0"} <= set(texts(chart))


def test_a_waterfall_goes_from_one_whole_to_the_other() -> None:
    steps = (
        Step("before", None, Decimal(10), whole=True),
        Step("cache", Decimal(-4), Decimal(6)),
        Step("tool", Decimal(1), Decimal(7)),
        Step("unseen", None, Decimal(7)),
        Step("after", None, Decimal(7), whole=True),
    )
    chart = Fall("fall", "Fall", steps)
    whole, less, more = (shapes(chart, style) for style in ("whole", "less", "more"))
    scale = whole[0][2] / 10
    assert less[0][2] == pytest.approx(4 * scale, abs=0.2)
    assert less[0][0] + less[0][2] == pytest.approx(whole[0][0] + whole[0][2], abs=0.2)
    assert more[0][0] == pytest.approx(less[0][0], abs=0.2)
    assert whole[-1][2] == pytest.approx(7 * scale, abs=0.2)
    assert hovers(chart) == ["before: $10.00", "cache: -$4.00", "tool: +$1.00", "unseen: not known", "after: $7.00"]


def test_meters_say_what_they_are_held_against() -> None:
    meters = (
        Meter("a", Decimal(99), goal=Decimal(100), good=False),
        Meter("b", Decimal(50), Decimal(40), Decimal(60)),
        Meter("c", Decimal(100), goal=Decimal(100), good=True),
    )
    chart = Meters("m", "M", meters, "int", "%")
    assert hovers(chart) == ["a: 99 % (goal 100, missed)", "b: 50 %", "c: 100 % (goal 100, met)"]
    drawn = svg.svg(chart)
    assert (drawn.count('class="goal"'), drawn.count('class="span"')) == (2, 1)


CHARTS = st.one_of(
    st.lists(st.tuples(LABELS, st.lists(AMOUNTS, min_size=3, max_size=3)), min_size=1, max_size=10).map(
        lambda layers: Bars("b", "B", "day", ("1", "2", "3"), tuple(Layer(name, tuple(own)) for name, own in layers))
    ),
    st.lists(st.tuples(LABELS, SIGNED, SIGNED, st.booleans()), max_size=8).map(
        lambda steps: Fall("w", "W", tuple(Step(name, change, level, whole) for name, change, level, whole in steps))
    ),
    st.lists(st.builds(Meter, LABELS, SIGNED, SIGNED, SIGNED, SIGNED, st.booleans()), max_size=8).map(
        lambda meters: Meters("m", "M", tuple(meters))
    ),
)


@given(CHARTS, st.sampled_from([svg.WIDE, svg.NARROW]))
def test_any_values_can_be_drawn_inside_the_picture(chart: Chart, width: int) -> None:
    root = ET.fromstring(svg.svg(chart, width))
    high = float(root.get("height", "0"))
    for tag in root.iter("text"):
        wide = width_of(tag.text or "")
        start = float(tag.get("x", "0")) - {"start": 0.0, "middle": wide / 2, "end": wide}[tag.get("text-anchor", "")]
        assert start >= -1
        assert start + wide <= width + 1
        assert 0 <= float(tag.get("y", "0")) <= high
    for tag in root.iter("path"):
        for left, top in re.findall(r"M(-?[\d.]+) (-?[\d.]+)", tag.get("d", "")):
            assert -1 <= float(left) <= width + 1
            assert -1 <= float(top) <= high + 1
    assert len(numbers(chart).columns) >= 3


@given(LABELS, st.floats(10, 400))
def test_clipped_words_fit(words: str, room: float) -> None:
    found = clipped(words, room)
    assert width_of(found) <= max(room, width_of("a.."), width_of("漢.."))


@given(st.lists(st.floats(5, 300), max_size=12))
def test_a_legend_wraps_and_nothing_overlaps(widths: list[float]) -> None:
    places = flowed(widths, 10, 400)
    for (left, line), wide, (after, next_line) in zip(places, widths, places[1:], strict=False):
        assert next_line > line or after >= left + wide - 1e-9
    assert all(left == 10 or left + wide <= 400 for (left, _), wide in zip(places, widths, strict=True))


@pytest.mark.parametrize(
    ("value", "said"), [(0.0, "$0"), (0.5, "$0.50"), (2.0, "$2"), (0.0005, "$0.0005"), (1e4, "$10,000")]
)
def test_ticks_of_dollars(value: float, said: str) -> None:
    assert tick(value, "money") == said
    assert tick(value, "number") == said.removeprefix("$").replace("0.50", "0.5")


def test_the_numbers_of_a_plot_have_its_limits() -> None:
    points = (PlotPoint(1.5, 2.5, "8"),)
    plot = Plot("p", "P", Axis("load", "1/s"), Axis("p99", "ms"), (Series("s", points),), (LimitLine("y", 9.0, "SLO"),))
    table = numbers(plot)
    assert [column.name for column in table.columns] == ["series", "label", "load (1/s)", "p99 (ms)"]
    assert table.rows == (("s", "8", Decimal("1.5"), Decimal("2.5")), ("limit: SLO", "", None, Decimal("9.0")))


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_colours_have_enough_contrast(colors: dict[str, str]) -> None:
    def light(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(name: str, ground: str) -> float:
        one, other = sorted((light(colors[name]), light(colors[ground])))
        return (other + 0.05) / (one + 0.05)

    for ground in ("bg", "raised"):
        assert all(contrast(name, ground) >= 4.5 for name in ("ink", "soft", "accent", "bad"))
        assert all(contrast(name, ground) >= 3 for name in ("good", "warn", "rest", *(f"c{n}" for n in range(8))))


def test_painted_rules_name_every_colour() -> None:
    assert "var(" not in painted(RULES, LIGHT)
    assert LIGHT.keys() == DARK.keys()
