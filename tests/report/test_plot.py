"""Plots of points: as text at any width, as SVG, on round scales."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.report import as_html, as_markdown, as_screen, as_text, plot, svg
from llmopt.report.scale import Scale, scale_of, value_text
from llmopt.report.table import Axis, LimitLine, Note, Plot, PlotPoint, Report, Series
from llmopt.report.text import cell_width
from tests.report.hostile import CONTROLS, HOSTILE

FINITE = st.floats(min_value=1e-6, max_value=1e9)


def drawn(*labels: str, log: bool = True) -> Plot:
    """Two series on t = 10 ms + 5 ms a request, the second four times as long."""
    series = []
    for name, per_ms in (("32 tokens", 5), ("128 tokens", 20)):
        points = [
            (1000 * size / (10 + per_ms * size), 10.0 + per_ms * size, f"{size}") for size in (1, 2, 4, 8, 16, 32)
        ]
        series.append(Series(name, tuple(PlotPoint(*point) for point in points)))
    return Plot(
        "throughput-p99",
        "Throughput against p99",
        Axis("throughput", "requests/s"),
        Axis("p99", "ms", log=log),
        tuple(series),
        (LimitLine("y", 250.0, "SLO 250 ms"),),
        "batch size",
        (Note("a note"),),
    )


def report_of(one: Plot) -> Report:
    return Report("Title", "", (), (), (one,))


def test_axes_points_labels_and_limit_are_there() -> None:
    text = plot.text(drawn())
    lines = text.splitlines()
    assert lines[:2] == ["Throughput against p99", "p99 (ms, log scale)"]
    assert lines[-1] == "o 32 tokens   x 128 tokens   == SLO 250 ms   beside a point: batch size"
    assert lines[-2].strip() == "throughput (requests/s)"
    assert lines[-3].split() == ["0", "50", "100", "150", "200"]
    assert sum("== SLO 250 ms ==" in line for line in lines[:-1]) == 1
    body = lines[2:-4]
    assert len(body) == plot.HEIGHT
    assert all(f"o{size}" in text for size in (1, 2, 4, 8, 16, 32))
    assert all(f"x{size}" in text for size in (1, 2, 4, 8, 16, 32))
    assert text.isascii()


def test_higher_and_further_right_is_more() -> None:
    lines = plot.text(drawn()).splitlines()
    places = {
        size: (number, line.index(f"o{size}"))
        for size in (1, 2, 4, 8, 16, 32)
        for number, line in enumerate(lines[2:-4])
        if f"o{size}" in line.replace(f"o{size}0", "")
    }
    rows = [places[size][0] for size in (1, 2, 4, 8)]
    columns = [places[size][1] for size in (1, 2, 4, 8)]
    assert rows == sorted(rows, reverse=True)
    assert columns == sorted(columns)


def test_the_limit_lies_between_the_points_around_it() -> None:
    lines = plot.text(drawn(log=False)).splitlines()
    limit = next(number for number, line in enumerate(lines) if "SLO" in line)
    below = next(number for number, line in enumerate(lines) if "x8" in line)
    above = next(number for number, line in enumerate(lines) if "x16" in line)
    assert above < limit < below


@pytest.mark.parametrize("width", range(40, 140, 7))
@pytest.mark.parametrize("glyphs", [plot.ASCII, plot.BOXES])
def test_no_row_is_wider_than_the_screen(width: int, glyphs: plot.Glyphs) -> None:
    for row in plot.lines(drawn(), width, glyphs):
        assert cell_width("".join(text for text, _ in row).rstrip()) <= width


def test_a_screen_that_is_too_narrow_says_so() -> None:
    assert plot.lines(drawn(), 39) == [[("(too narrow for the plot)", None)]]


@pytest.mark.parametrize("series", [(), (Series("none", ()),), (Series("odd", (PlotPoint(math.nan, math.inf),)),)])
def test_nothing_to_plot_is_no_error(series: tuple[Series, ...]) -> None:
    one = replace(drawn(), series=series)
    assert "Throughput against p99" in plot.text(one)
    assert "<svg" in svg.svg(one)


def test_points_that_are_not_joined_have_no_line_between_them() -> None:
    joined = drawn()
    loose = replace(joined, series=tuple(replace(series, joined=False) for series in joined.series))
    assert ("<polyline" in svg.svg(joined), "<polyline" in svg.svg(loose)) == (True, False)
    trail = plot.ASCII.trail
    assert plot.text(joined).count(trail) > plot.text(loose).count(trail)


def test_a_vertical_limit_is_drawn_and_named() -> None:
    one = replace(drawn(), limits=(LimitLine("x", 60.0, "your 60/s"),))
    body = plot.text(one).splitlines()[2:-4]
    columns = {column for line in body for column, character in enumerate(line) if character == ":"}
    assert len(columns) == 1
    assert sum("your 60/s" in line for line in body) == 1
    assert 'class="limit"' in svg.svg(one)


def test_a_limit_that_no_log_scale_has_is_left_out() -> None:
    one = replace(drawn(), limits=(LimitLine("y", 0.0, "zero"),))
    assert not any("zero" in line for line in plot.text(one).splitlines()[:-1])
    assert 'class="limit"' not in svg.svg(one)


def test_labels_that_would_touch_are_moved_or_left_out() -> None:
    crowd = tuple(PlotPoint(100.0 + number / 1e6, 10.0, f"{number}") for number in range(40))
    text = plot.text(replace(drawn(), series=(Series("crowd", crowd),), limits=()))
    body = "\n".join(text.splitlines()[2:-4])
    assert 1 <= sum(character == "o" for character in body) <= 2
    assert "0" in body


def test_color_and_boxes_only_where_asked_for() -> None:
    report = report_of(drawn())
    assert "\x1b[1;31m" in as_screen.render(report, 80, color=True)
    plain = as_screen.render(report, 80, color=False, boxes=False)
    assert plain.isascii()
    assert "●32" in as_screen.render(report, 80, color=False)
    assert max(map(len, plain.splitlines())) <= 80


def test_every_renderer_for_people_shows_plot_and_note() -> None:
    report = report_of(drawn())
    for text in (as_text.render(report), as_markdown.render(report), as_html.render(report)):
        assert "SLO 250 ms" in text
        assert "a note" in text
    assert "```text\nThroughput against p99\n" in as_markdown.render(report)


def test_svg_is_xml_that_says_what_it_shows_and_loads_nothing() -> None:
    root = ET.fromstring(svg.svg(drawn()))
    space = {tag.tag.split("}")[-1] for tag in root.iter()}
    assert space == {"svg", "title", "desc", "path", "text", "polyline", "circle", "polygon"}
    assert root.get("role") == "img"
    ids = {tag.get("id") for tag in root.iter() if tag.get("id")}
    assert set(str(root.get("aria-labelledby")).split()) == ids
    description = next(tag.text or "" for tag in root.iter() if tag.tag == "desc")
    assert "32 tokens: 1: 66.67 and 15, " in description
    assert "SLO 250 ms: y = 250." in description
    assert len(root.findall("circle")) == 6 + 1
    words = [tag.text for tag in root.findall("text")]
    assert words.count("32") == 2
    assert "throughput (requests/s)" in words


@pytest.mark.parametrize("shape", range(7))
def test_many_series_have_markers_of_their_own(shape: int) -> None:
    series = tuple(Series(f"s{number}", (PlotPoint(1.0 + number, 2.0, ""),)) for number in range(shape + 1))
    text = plot.text(replace(drawn(), series=series, limits=()))
    assert f"{plot.ASCII.markers[shape]} s{shape}" in text
    ET.fromstring(svg.svg(replace(drawn(), series=series)))


@pytest.mark.parametrize("text", [*HOSTILE, "<script>", '"><img src=x onerror=alert(1)>', "```", "</svg>", "漢字"])
def test_nothing_hostile_gets_through(text: str) -> None:
    one = Plot(
        text,
        text,
        Axis(text, text),
        Axis(text, text),
        (Series(text, (PlotPoint(1.0, 1.0, text), PlotPoint(2.0, 2.0, text))),),
        (LimitLine("y", 1.5, text), LimitLine("x", 1.5, text)),
        text,
    )
    report = report_of(one)
    for out in (as_text.render(report), as_screen.render(report, 80, color=False), as_markdown.render(report)):
        assert not CONTROLS & set(out)
    ET.fromstring(svg.svg(one))
    page = as_html.render(report)
    assert (page.count("<script"), page.count("<svg")) == (1, 2)
    assert as_markdown.render(report).count("```") == 2


@given(st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=12), st.booleans(), st.integers(40, 120))
def test_any_points_can_be_plotted(points: list[tuple[float, float]], log: bool, width: int) -> None:
    series = Series("s", tuple(PlotPoint(x, y, str(number)) for number, (x, y) in enumerate(points)))
    one = replace(drawn(), x=Axis("x", log=log), y=Axis("y", log=log), series=(series,), limits=())
    rows = ["".join(text for text, _ in row).rstrip() for row in plot.lines(one, width)]
    assert max(map(len, rows)) <= width
    assert "o" in "".join(rows[2 : 2 + plot.HEIGHT])
    ET.fromstring(svg.svg(one))


@given(st.lists(FINITE, min_size=1, max_size=5), st.booleans(), st.integers(2, 12))
def test_a_scale_holds_its_values_and_has_few_round_ticks(values: list[float], log: bool, most: int) -> None:
    scale = scale_of(values, log=log)
    assert all(-1e-6 <= scale.at(value) <= 1 + 1e-6 for value in values)
    ticks = scale.ticks(most)
    assert 1 <= len(ticks) <= most
    assert list(ticks) == sorted(set(ticks))
    assert all(-1e-6 <= scale.at(tick) <= 1 + 1e-6 for tick in ticks)


@pytest.mark.parametrize(
    ("values", "log", "low", "high"),
    [
        ((10.0, 200.0), False, 0.0, 200.0),
        ((150.0, 199.0), False, 150.0, 200.0),
        ((-5.0, 5.0), False, -6.0, 6.0),
        ((7.0, 7.0), False, 0.0, 8.0),
        ((0.0, 0.0), False, 0.0, 1.0),
        ((12.0, 430.0), True, 10.0, 500.0),
        ((10.0, 10.0), True, 10.0, 100.0),
        ((), True, 1.0, 10.0),
    ],
)
def test_scales_end_at_round_values(values: tuple[float, ...], log: bool, low: float, high: float) -> None:
    scale = scale_of(values, log=log)
    assert (scale.low, scale.high) == pytest.approx((low, high))


def test_a_wide_log_scale_has_decades_for_ticks() -> None:
    assert Scale(1.0, 1e6, log=True).ticks(8) == pytest.approx((1, 10, 100, 1e3, 1e4, 1e5, 1e6))
    assert Scale(10.0, 200.0, log=True).ticks(8) == pytest.approx((10, 20, 50, 100, 200))


@pytest.mark.parametrize(
    ("value", "text"), [(0.05, "0.05"), (20.0, "20"), (1e6, "1,000,000"), (0.30000000000000004, "0.3")]
)
def test_round_values_as_text(value: float, text: str) -> None:
    assert value_text(value) == text
