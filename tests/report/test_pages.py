"""Pages of real commands in a real browser: they render in silence, load nothing, and answer to keyboard and mouse."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt.cli.main import run
from llmopt.report import (
    as_csv,
    as_html,
    bench_batch_view,
    bench_models_view,
    bench_url_view,
    compress_eval_view,
    project_view,
    quantize_view,
)
from llmopt.report.chart_table import numbers
from llmopt.report.table import Report
from tests.cli.test_compress_eval import RESULT as EVALUATION
from tests.conftest import ROOT
from tests.report.bench_models_results import PAIR
from tests.report.bench_reports import FULL, URL
from tests.report.chromium import Chromium
from tests.report.hostile import HOSTILE
from tests.report.projections import PROJECTION
from tests.report.quantize_reports import AUTO
from tests.report.test_as_html import MARKUP, report_with
from tests.savings.routing_logs import paired_log

pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.untraced]
COMMANDS: dict[str, tuple[str, ...]] = {
    "cost": ("cost", "samples", "--as-of", "2026-11-01", "--by", "model,day"),
    "cache-simulate": ("cache", "simulate", "samples/caching"),
    "route-eval": ("route", "eval", "LOG", "--quality-col", "score", "--policy", "default"),
}
VIEWS: dict[str, Report] = {
    "project": project_view.view([PROJECTION], full=True),
    "compress-eval": compress_eval_view.view(EVALUATION),
    "bench-batch": bench_batch_view.view(FULL),
    "bench-batch-url": bench_url_view.view(URL, slo_p99_s=0.6),
    "bench": bench_models_view.view(PAIR),
    "quantize": quantize_view.view(AUTO, max_quality_drop=0.02),
}
"""What takes long, or a model, to measure: the results of other tests."""
NAMES = [*COMMANDS, *VIEWS]
CONTRAST = """(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => parts(color).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (one) => {
    for (; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if (parts(color).length < 4 || parts(color)[3] > 0) return color;
    }
    return "rgb(255,255,255)";
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const found = [];
  for (const one of document.querySelectorAll("body *:not(script)")) {
    const owns = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const drawn = one.matches("svg path[class^=s], svg .rest, svg .less, svg .more, svg .mark");
    if ((!owns && !drawn) || !one.checkVisibility() || one.matches("svg title, svg desc")) continue;
    const style = getComputedStyle(one), inside = one.closest("svg");
    const value = ratio(light(inside ? style.fill : style.color), light(ground(one)));
    if (value < (owns ? 4.5 : 3)) found.push([one.outerHTML.slice(0, 90), value]);
  }
  return found;
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, browser: Chromium) -> dict[str, Path]:
    """Every page, made once."""
    folder = tmp_path_factory.mktemp("pages")
    log = paired_log(folder / "paired.jsonl")
    found = {name: folder / f"{name}.html" for name in NAMES}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for variable in [name for name in os.environ if name.startswith("LLMOPT_") or name == "GITHUB_STEP_SUMMARY"]:
            patch.delenv(variable)
        for name, command in COMMANDS.items():
            arguments = [str(log) if part == "LOG" else part for part in command]
            assert run([*arguments, "--quiet", "-o", str(found[name])]) == 0
    for name, view in VIEWS.items():
        found[name].write_text(as_html.render(view), encoding="utf-8")
    return found


@pytest.fixture(params=NAMES)
def page(request: pytest.FixtureRequest, pages: dict[str, Path]) -> Path:
    return pages[request.param]


def test_a_page_renders_in_silence_and_loads_nothing(browser: Chromium, page: Path) -> None:
    browser.show(page)
    assert browser.run("document.querySelectorAll('svg.wide').length") >= 1
    assert browser.run("[...document.querySelectorAll('svg.wide')].every(one => one.clientHeight > 50)")
    assert browser.run("document.querySelector('.answer').textContent.length") > 10
    assert browser.requests == [page.as_uri()]
    assert browser.complaints == []


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_and_marks_have_enough_contrast(browser: Chromium, page: Path, dark: bool) -> None:
    browser.show(page, dark=dark)
    browser.run("document.querySelectorAll('details').forEach(one => (one.open = true))")
    assert browser.run("getComputedStyle(document.documentElement).backgroundColor") == (
        "rgb(20, 23, 26)" if dark else "rgb(255, 255, 255)"
    )
    assert browser.run(CONTRAST) == []


def test_a_phone_scrolls_only_downwards_and_shows_charts_of_its_own(browser: Chromium, page: Path) -> None:
    browser.show(page, width=400)
    assert browser.run("document.documentElement.scrollWidth") <= 400
    assert browser.run("[...document.querySelectorAll('svg.wide')].every(one => !one.checkVisibility())")
    text = "[...document.querySelectorAll('svg.narrow text')].map(one => one.getBoundingClientRect().height)"
    assert min(browser.run(text)) >= 12
    inside = (
        "[...document.querySelectorAll('svg.narrow')].flatMap(svg => [...svg.querySelectorAll('text')].filter(one =>"
        " one.getBoundingClientRect().left < svg.getBoundingClientRect().left - 3 ||"
        " one.getBoundingClientRect().right > svg.getBoundingClientRect().right + 3).map(one => one.textContent))"
    )
    assert browser.run(inside) == []
    wide = "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth)"
    assert browser.run(f"{wide}.every(one => one.tabIndex === 0 && one.getAttribute('aria-label'))")


def test_nothing_is_cut_on_paper(browser: Chromium, page: Path) -> None:
    browser.show(page, width=1030, media="print")
    assert browser.run("document.documentElement.scrollWidth") <= 1030
    cut = "[...document.querySelectorAll('.scroll')].filter(one => one.scrollHeight > one.clientHeight + 1).length"
    assert browser.run(cut) == 0
    assert browser.run("[...document.querySelectorAll('td,tbody th')].every(one => one.checkVisibility())")
    assert not browser.run("[...document.querySelectorAll('a.csv')].some(one => one.checkVisibility())")
    assert browser.run("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.printed().startswith(b"%PDF-")


def test_the_keyboard_reaches_everything(browser: Chromium, page: Path) -> None:
    browser.show(page)
    whole = "[...document.querySelectorAll('a, th button, summary, .scroll')].filter(one => one.checkVisibility())"
    count = browser.run(f"window.all = {whole}; all.length")
    reached = []
    for _ in range(count):
        browser.press("Tab")
        reached.append(browser.run("all.indexOf(document.activeElement)"))
    assert reached == list(range(count))
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_sorting_by_the_keyboard_turns_the_order_around(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.show(pages["cost"])
    browser.run("window.head = [...document.querySelectorAll('th')].find(one => one.textContent === 'cost')")
    values = "[...head.closest('table').tBodies[0].rows].map(row => Number(row.cells[head.cellIndex].dataset.v))"
    total = browser.run("head.closest('table').tFoot.textContent")
    for key, direction in (("Enter", "descending"), (" ", "ascending"), ("Enter", "descending")):
        browser.run("head.firstChild.focus()")
        browser.press(key)
        assert browser.run("head.getAttribute('aria-sort')") == direction
        found = browser.run(values)
        assert len(set(found)) > 20
        assert found == sorted(found, reverse=direction == "descending")
    browser.run("head.parentElement.cells[0].firstChild.click()")
    assert browser.run("[...document.querySelectorAll('[aria-sort]')].map(one => one.textContent)") == ["model"]
    names = browser.run("[...head.closest('table').tBodies[0].rows].map(row => row.cells[0].textContent)")
    assert names == sorted(names)
    assert browser.run("head.closest('table').tFoot.textContent") == total


def test_what_is_unknown_sorts_last_both_ways(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.show(pages["bench-batch"])
    browser.run("window.head = [...document.querySelectorAll('th')].find(one => one.textContent === 'p95 (ms)')")
    cells = "[...head.closest('table').tBodies[0].rows].map(row => row.cells[head.cellIndex].textContent)"
    for _ in range(2):
        browser.run("head.firstChild.click()")
        found = browser.run(cells)
        known = [text for text in found if text != "-"]
        assert 3 < len(known) < len(found)
        assert found[: len(known)] == known


def test_downloads_hold_the_numbers(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.show(pages["bench-batch"])
    view = VIEWS["bench-batch"]
    name, text = browser.saved("document.querySelector('figure a.csv').click()")
    assert (name, text) == ("throughput-p99.csv", as_csv.table_csv(numbers(view.drawn[0])))
    name, text = browser.saved("document.querySelector('section a.csv').click()")
    assert (name, text) == ("points.csv", as_csv.render(view))


def test_downloaded_days_add_up_to_the_cost(browser: Chromium, pages: dict[str, Path], tmp_path: Path) -> None:
    browser.show(pages["cost"])
    name, text = browser.saved("document.querySelector('figure a.csv').click()")
    rows = list(csv.DictReader(io.StringIO(text)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        assert run([*COMMANDS["cost"], "-o", str(tmp_path / "cost.json"), "-q"]) == 0
    groups = json.loads((tmp_path / "cost.json").read_text())["groups"]
    timed = [Decimal(group["cost_usd"]) for group in groups if group["key"]["day"]]
    assert name == "spend.csv"
    assert sum(Decimal(row["usd"]) for row in rows) == sum(timed)


@pytest.mark.parametrize("text", [*MARKUP[:-1], *HOSTILE[-3:]])
def test_hostile_names_run_nothing_and_are_saved_as_they_are(browser: Chromium, tmp_path: Path, text: str) -> None:
    page = tmp_path / "hostile.html"
    page.write_text(as_html.render(report_with(text)), encoding="utf-8")
    browser.show(page)
    assert browser.complaints == []
    assert browser.requests == [page.as_uri()]
    assert browser.run("document.querySelectorAll('script').length") == 1
    assert text in browser.run("document.querySelector('.answer').textContent")
    _, saved = browser.saved("document.querySelector('section a.csv').click()")
    assert list(csv.reader(io.StringIO(saved)))[1][0].removeprefix("'") == text


def test_scripts_of_others_are_stopped(browser: Chromium, tmp_path: Path) -> None:
    page = tmp_path / "tampered.html"
    rendered = as_html.render(report_with("x")).replace("</body>", "<script>window.ran = 1</script></body>")
    page.write_text(rendered, encoding="utf-8")
    browser.show(page)
    assert browser.run("window.ran") is None
    assert any("Content Security Policy" in said for said in browser.complaints)


def test_a_large_report_is_small_and_loads_at_once(browser: Chromium, tmp_path: Path) -> None:
    view = VIEWS["bench-batch"]
    table = replace(view.tables[0], rows=view.tables[0].rows * 2000)
    page = tmp_path / "large.html"
    page.write_text(as_html.render(replace(view, tables=(table,) * 4)), encoding="utf-8")
    assert page.stat().st_size < 1_000_000
    browser.show(page)
    timing: dict[str, Any] = browser.run("performance.getEntriesByType('navigation')[0].toJSON()")
    assert timing["loadEventEnd"] < 5000
