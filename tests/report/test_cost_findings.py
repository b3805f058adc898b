"""What a priced log says of lines of its files, and how CI servers get it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.cost.gates import Limits, checks
from llmopt.cost.result import Rejected, Unpriced
from llmopt.report.cost_findings import REJECTED, UNPRICED, cost_findings
from llmopt.report.cost_view import payload, view
from llmopt.report.render import CHECK_FORMATS, Format, render
from tests.conftest import Golden
from tests.cost.reports import empty, troubled

SUFFIX = {"junit": "junit.xml", "sarif": "sarif"}
LIMITS = Limits(
    max_cost_usd=Decimal(10),
    max_monthly_usd=Decimal(1000),
    max_cost_per_request_usd=Decimal(1),
    max_unpriced=0,
    strict=True,
)


@pytest.mark.parametrize("format", CHECK_FORMATS)
def test_checks_and_findings(format: Format, golden: Golden, workdir: Path) -> None:
    report = troubled()
    people = replace(view(report), checks=checks(report, LIMITS))
    golden(f"cost/troubled.{SUFFIX[format]}", render(people, payload(report), format))


def test_a_rejected_record_stands_at_its_line() -> None:
    rejected = (Rejected("not JSON", 3, "logs/a:b.jsonl:17"), Rejected("cut off", 1, "s3://b/c.jsonl"))
    first, second = cost_findings(replace(empty(), rejected=rejected))
    assert (first.rule, first.path, first.line) == (REJECTED, "logs/a:b.jsonl", 17)
    assert first.text == "3 records rejected, the first one here: not JSON"
    assert (second.path, second.line) == ("s3://b/c.jsonl", None)


def test_a_model_without_a_price_stands_at_the_first_log() -> None:
    unpriced = (Unpriced("gpt-99", 1, 5, 5, "gpt-4o", "unknown model"), Unpriced(None, 2, 5, 5, None, "no model"))
    first, second = cost_findings(replace(empty(), unpriced=unpriced, files=("b.jsonl", "a.jsonl")))
    assert (first.rule, first.path) == (UNPRICED, "b.jsonl")
    assert first.text == "1 request of gpt-99 without a price: unknown model; did you mean gpt-4o?"
    assert second.text == "2 requests of no model without a price: no model"
    assert first.same != second.same


def test_what_is_fine_has_no_findings() -> None:
    assert [*cost_findings(empty())] == []
