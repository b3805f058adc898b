"""The main chart as a file: SVG that brings its colours, PNG that needs the extra."""

from __future__ import annotations

import os
import struct
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from llmopt.errors import MissingExtraError, UsageError
from llmopt.report import svg
from llmopt.report.picture import check_picture, picture
from llmopt.report.table import Chart, Report
from tests.report.hostile import HOSTILE
from tests.report.test_as_html import MARKUP, report_with
from tests.report.test_plot import drawn

CHARTS: tuple[Chart, ...] = (*report_with("a name").charts, drawn())
SVG = "{http://www.w3.org/2000/svg}"


def report_of(chart: Chart) -> Report:
    return Report("", "", (), charts=(chart,))


@pytest.mark.parametrize("chart", CHARTS)
def test_a_file_is_light_or_dark_by_itself_and_loads_nothing(chart: Chart) -> None:
    text = picture(report_of(chart), "svg").decode()
    root = ET.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert "prefers-color-scheme:dark" in text
    assert root.findall(f"{SVG}text")[0].text == chart.title
    assert "href" not in text
    assert root.find(f"{SVG}title") is not None
    shapes = {tag.tag.removeprefix(SVG) for tag in root.iter()}
    assert shapes <= {"svg", "title", "desc", "style", "path", "text", "g", "polyline", "circle", "polygon"}


@pytest.mark.parametrize("text", [*HOSTILE, *MARKUP])
def test_nothing_hostile_gets_into_a_file(text: str) -> None:
    for chart in report_with(text).charts:
        for width in (svg.WIDE, svg.NARROW):
            ET.fromstring(svg.svg(chart, width))
        tags = {tag.tag for tag in ET.fromstring(svg.standalone(chart)).iter()}
        assert not tags & {f"{SVG}script", f"{SVG}img"}


@pytest.mark.parametrize("chart", CHARTS)
def test_a_bitmap_has_twice_the_size_and_no_variable_that_nobody_knows(chart: Chart) -> None:
    assert "var(" not in svg.printed(chart)
    if "CI" not in os.environ:
        pytest.importorskip("vl_convert", reason="the extra `charts` is not installed")
    data = picture(report_of(chart), "png")
    root = ET.fromstring(svg.printed(chart))
    assert data.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height) == (2 * int(root.get("width", "0")), 2 * int(root.get("height", "0")))
    assert len(set(data)) > 200
    assert data == picture(report_of(chart), "png")


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    monkeypatch.delitem(sys.modules, "llmopt.report.png", raising=False)
    with pytest.raises(MissingExtraError) as raised:
        check_picture("png")
    assert raised.value.hint == "pip install 'llmopt[charts]'"
    check_picture("svg")


def test_the_first_chart_is_the_main_one_and_plots_come_after() -> None:
    first, second = CHARTS[0], drawn()
    report = Report("", "", (), plots=(second,), charts=(first,))
    assert picture(report, "svg") == picture(report_of(first), "svg")
    assert picture(replace(report, charts=()), "svg") == picture(report_of(second), "svg")


def test_a_report_without_a_chart_has_no_picture() -> None:
    with pytest.raises(UsageError, match="nothing to draw"):
        picture(Report("", "", ()), "svg")
