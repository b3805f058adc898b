"""The cost report in every format, held against golden files, and what its parts must say."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from llmopt.core.counted import Counted
from llmopt.cost.baseline import Baseline, compare
from llmopt.cost.result import CostReport
from llmopt.report.cost_view import payload, view
from llmopt.report.render import FORMATS, Format, render
from tests.cost.reports import empty, group, report_of, troubled

SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}
PLAIN = report_of(group("gpt-4o", "21.5", 9000), group("gpt-4o-mini", "1.25", 700), group(None, "0.04", 30))
OLD = Baseline(("model",), {("gpt-4o",): (Decimal("10.75"), 9000), ("gpt-4",): (Decimal("8"), 100)}, 12.0)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("name", "report"), [("plain", PLAIN), ("troubled", troubled()), ("empty", empty())])
def test_cost_reports(name: str, report: CostReport, format: Format, golden: Callable[[str, str], None]) -> None:
    golden(f"cost/{name}.{SUFFIX[format]}", render(view(report), payload(report), format))


@pytest.mark.parametrize("format", FORMATS)
def test_cost_report_against_a_baseline(format: Format, golden: Callable[[str, str], None]) -> None:
    comparison = compare(PLAIN, OLD)
    document = payload(PLAIN, comparison=comparison, failed_checks=("the cost is too high",))
    golden(f"cost/baseline.{SUFFIX[format]}", render(view(PLAIN, comparison=comparison), document, format))


def test_the_json_document_has_what_it_promises() -> None:
    document = json.loads(render(view(troubled()), payload(troubled()), "json"))
    flat = {
        "requests",
        "input_tokens",
        "input_uncached_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "output_tokens",
        "reasoning_tokens",
        "cost_usd",
    }
    assert flat <= document["total"].keys()
    for entry in document["groups"]:
        assert {"key", *flat} <= entry.keys()
    assert {"model", "provider", "price_id", "effective_from"} <= document["resolved"][0].keys()
    assert {"model", "requests", "input_tokens", "output_tokens", "suggestion"} <= document["unpriced"][0].keys()
    assert {"reason", "count", "first"} <= document["rejected"][0].keys()
    assert document["period"] == {"start": "2025-10-01T08:30:00Z", "end": "2025-10-11T08:30:00Z"}
    assert document["prices"] == {"sha256": "5f" * 32, "date": "2026-01-31"}
    assert (document["duplicates"], document["free"], document["read"]) == (3, 2, 1250)
    assert (document["schema"], document["monthly_usd"]) == ("llmopt.cost/1", "57.166821")


def test_the_accounting_line_adds_up() -> None:
    note = view(troubled()).notes[0].text
    assert note == (
        "1,250 records read = 1,234 priced + 2 free + 8 unpriced + 3 duplicates + 3 rejected"
        " (41 lines of other kinds skipped)"
    )


@pytest.mark.parametrize("format", ["table", "markdown"])
def test_every_trouble_is_named(format: Format) -> None:
    text = render(view(troubled()), {}, format)
    for fragment in ("gtp-4o", "gpt-4o", "logs/a.jsonl:17", "8 requests have no price", "3 records were rejected"):
        assert fragment in text
    assert "a fourth" not in text


def test_top_adds_the_other_groups_up_so_that_nothing_is_lost() -> None:
    rows = list(csv.DictReader(io.StringIO(render(view(PLAIN, top=1), {}, "csv"))))
    assert [row["model"] for row in rows] == ["gpt-4o", "(2 others)"]
    assert sum(Decimal(row["cost_usd"]) for row in rows) == PLAIN.total.cost_usd
    assert sum(int(row["requests"]) for row in rows) == PLAIN.total.requests
    assert render(view(PLAIN, top=3), {}, "csv") == render(view(PLAIN), {}, "csv")


def test_a_reported_cost_that_is_partly_unknown_is_unknown_in_the_sum() -> None:
    known = replace(PLAIN.groups[1], totals=replace(PLAIN.groups[1].totals, reported_usd=Decimal(1)))
    report = replace(PLAIN, groups=(PLAIN.groups[0], known, PLAIN.groups[2]))
    rows = list(csv.DictReader(io.StringIO(render(view(report, top=1), {}, "csv"))))
    assert rows[1]["reported_usd"] == ""


def test_top_shortens_the_comparison_too_and_says_so() -> None:
    comparison = compare(PLAIN, OLD)
    table = view(PLAIN, top=1, comparison=comparison).tables[1]
    assert len(table.rows) == 1
    assert table.notes[0].text == "3 more groups in the total."


def test_brief_leaves_the_background_out() -> None:
    report = view(troubled(), brief=True)
    assert [table.name for table in report.tables] == ["groups", "unpriced", "rejected"]
    assert not any("Look next" in note.text for note in report.notes)


def test_one_of_a_kind_is_not_plural() -> None:
    report = replace(report_of(group("m", "1", requests=1)), unpriced=troubled().unpriced[1:], skipped=1)
    text = render(view(report), {}, "table")
    assert "for 1 request from" in text
    assert "1 more request without a price" in text
    assert "1 request has no price" in text
    assert "(1 line of other kinds skipped)" in text


def test_what_was_counted_from_text_is_one_line_with_its_interval() -> None:
    """Of $19.055607, $0.0006 is counted: less $0.0001 at the lower end, and $0.0002 more at the upper one."""
    line = "Of which counted from text: $0.000600 (low $0.000500, high $0.000800), less than 0.1% of the cost, "
    notes = [note for note in view(troubled()).notes if "counted from text" in note.text]
    assert [(note.text, note.level) for note in notes] == [(line + "4 requests, 3 of them estimated.", "warning")]


def test_exact_counts_have_no_interval_to_show() -> None:
    totals = replace(PLAIN.total, counted_usd=Decimal("11.395"), counted=Counted(requests=1, exact_tokens=5))
    report = replace(PLAIN, total=totals, estimated_share=Decimal("0.5"))
    text = render(view(report), {}, "table")
    assert "Of which counted from text: $11.40, 50.0% of the cost, 1 request.\n" in text
    assert " low " not in text


def test_a_billed_log_says_nothing_of_counts() -> None:
    text = render(view(PLAIN), {}, "table")
    assert "counted" not in text
    rows = list(csv.DictReader(io.StringIO(render(view(PLAIN), {}, "csv"))))
    assert {row["cost_low_usd"] for row in rows} == {""}


def test_the_ends_of_the_interval_are_columns_where_anything_is_estimated() -> None:
    rows = list(csv.DictReader(io.StringIO(render(view(troubled()), {}, "csv"))))
    assert [(row["cost_low_usd"], row["cost_usd"], row["cost_high_usd"]) for row in rows] == [
        ("19.050007", "19.050007", "19.050007"),
        ("0.0055", "0.0056", "0.0058"),
    ]
    document = payload(troubled())
    assert document["estimated_share"] == "0.000031"
    total = document["total"]
    assert isinstance(total, dict)
    assert (total["cost_low_usd"], total["cost_high_usd"]) == ("19.055507", "19.055807")
    assert isinstance(total["counted"], dict)
    assert total["counted"]["input_low_tokens"] == 7200
