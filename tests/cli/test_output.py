"""Charts as files: by suffix or format, for reports that have one, and what is said where that cannot be."""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt import __version__
from llmopt.cli import output
from llmopt.cost import api
from llmopt.cost.result import CostReport, DaySpend
from llmopt.errors import UsageError
from llmopt.report.page.tables import MOST_ROWS
from llmopt.report.picture import PICTURES
from tests.cli.conftest import Llmopt
from tests.cost.reports import empty, group, report_of

DAYS = tuple(DaySpend(date(2026, 10, day), "gpt-4o", Decimal(day)) for day in (1, 2, 3))
PLAIN = replace(report_of(group("gpt-4o", "21.5", 9000), group("gpt-4o-mini", "1.25", 700)), days=DAYS)
CHARTED = (
    ("bench", "a", "b"),
    ("bench-batch", "model"),
    ("cache", "simulate", "logs"),
    ("compress", "eval"),
    ("cost", "logs"),
    ("project", "logs", "--ttl", "1h"),
    ("quantize", "model", "out"),
    ("route", "eval", "logs", "--quality-col", "score"),
)
UNCHARTED = (
    ("prices", "list"),
    ("estimate", "--model", "gpt-4o", "--input", "1", "--output", "1"),
    ("tokens", "a", "--model", "gpt-4o"),
    ("inspect", "model"),
)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, workdir: Path) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []

    def price(paths: list[str], **options: Any) -> CostReport:
        calls.append(options)
        return PLAIN if "empty" not in paths else empty()

    monkeypatch.setattr(api, "price_logs", price)
    return calls


@pytest.mark.parametrize("arguments", [("--format", "svg"), ("-o", "chart.svg"), ("--format", "svg", "-o", "c.txt")])
def test_a_chart_by_format_or_suffix(arguments: tuple[str, ...], llmopt: Llmopt, workdir: Path) -> None:
    outcome = llmopt("cost", "logs", *arguments)
    assert outcome.code == 0, outcome.err
    text = outcome.out if arguments == ("--format", "svg") else (workdir / arguments[-1]).read_text()
    assert ET.fromstring(text).tag.endswith("svg")
    assert "2026-10-02, gpt-4o: $2.00 of $2.00" in text


def test_a_bitmap_is_bytes(llmopt: Llmopt, workdir: Path) -> None:
    if "CI" not in os.environ:
        pytest.importorskip("vl_convert", reason="the extra `charts` is not installed")
    assert llmopt("cost", "logs", "-o", "chart.png").code == 0
    data = (workdir / "chart.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert data.endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize("format", ["html", *PICTURES])
def test_days_are_asked_for_only_where_they_are_drawn(
    format: str, llmopt: Llmopt, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "picture", lambda report, format: b"<svg/>")
    monkeypatch.setattr(output, "check_picture", lambda format: None)
    assert llmopt("cost", "logs", "--format", format, "-o", "out").code == 0
    assert llmopt("cost", "logs", "--format", "json").code == 0
    assert [options["daily"] for options in asked] == [True, False]


@pytest.mark.parametrize("command", UNCHARTED)
@pytest.mark.parametrize("format", PICTURES)
def test_a_report_without_a_chart_says_so_before_any_work(
    command: tuple[str, ...], format: str, llmopt: Llmopt
) -> None:
    outcome = llmopt(*command, "-o", f"chart.{format}")
    assert (outcome.code, outcome.out) == (2, "")
    assert f"this report has no chart: {format} is not for it" in outcome.err
    assert "choose one of table, json, csv, markdown, html" in outcome.err


@pytest.mark.parametrize("command", CHARTED)
def test_a_bitmap_without_its_extra_fails_before_any_work(
    command: tuple[str, ...], llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    monkeypatch.delitem(sys.modules, "llmopt.report.png", raising=False)
    outcome = llmopt(*command, "-o", "chart.png")
    assert outcome.code == 2
    assert "vl-convert-python is not installed" in outcome.err
    assert "pip install 'llmopt[charts]'" in outcome.err


def test_a_setting_is_for_those_that_have_a_chart(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPT_FORMAT", "svg")
    assert llmopt("cost", "logs").out.startswith("<svg")
    assert llmopt("estimate", "--model", "gpt-4o", "--input", "1", "--output", "1").out.startswith("Estimate")


def test_nothing_to_draw_is_said(llmopt: Llmopt) -> None:
    outcome = llmopt("cost", "empty", "--format", "svg")
    assert (outcome.code, outcome.out) == (2, "")
    assert "there is nothing to draw in this report" in outcome.err


def test_no_bitmap_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with pytest.raises(UsageError, match="a terminal does not show a PNG"):
        output.destination("png", None, charts=True)


def test_a_page_says_what_made_it_and_hides_what_is_secret(llmopt: Llmopt) -> None:
    outcome = llmopt("cost", "s3://ana:hunter22@bucket/logs", "--format", "html")
    foot = outcome.out.partition("<footer>")[2].partition("</footer>")[0]
    assert f"llmopt {__version__}, Python {sys.version_info.major}.{sys.version_info.minor}." in foot
    assert "Prices of 2026-01-31, sha256 5f5f" in foot
    assert "<code>llmopt cost &#x27;s3://ana:***@bucket/logs&#x27; --format html</code>" in foot
    assert "hunter22" not in outcome.out
    assert llmopt("cost", "s3://ana:hunter22@bucket/logs", "--format", "html").out == outcome.out


def test_a_page_of_many_groups_adds_up_the_cheap_ones(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    many = report_of(*(group(f"model-{number}", "1.5", 10) for number in range(MOST_ROWS + 50)))
    monkeypatch.setattr(api, "price_logs", lambda paths, **options: many)
    page = llmopt("cost", "logs", "--format", "html").out
    assert "(51 others)" in page
    assert "249 of 300 groups are shown" in page
    assert "more rows are left out" not in page
    assert "(290 others)" in llmopt("cost", "logs", "--format", "html", "--top", "10").out
    assert len(llmopt("cost", "logs", "--format", "csv").out.splitlines()) == MOST_ROWS + 51
