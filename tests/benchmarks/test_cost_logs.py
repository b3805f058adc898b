"""The benchmark's logs: the same bytes each time, and llmopt finds the cost that the generator worked out."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import llmopt
from benchmarks.cost_logs_data import Tally, Truth, write_chat_log, write_transcripts
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.result import CostReport
from tests.conftest import ROOT

ROWS = 200
LARGE = 1_500
"""Rows that llmopt does not take for a small log."""


@pytest.fixture(scope="module")
def table() -> PriceTable:
    return PriceTable.load()


def check(report: CostReport, truth: Truth) -> None:
    assert report.total == truth.total
    assert (report.read, report.duplicates, report.skipped) == (
        truth.records,
        truth.duplicates,
        truth.lines - truth.records,
    )
    assert (report.unpriced, report.rejected, report.warnings) == ((), (), ())


@pytest.mark.parametrize("rows", [ROWS, LARGE])
def test_a_chat_log_costs_what_the_generator_says(tmp_path: Path, table: PriceTable, rows: int) -> None:
    truth = write_chat_log(tmp_path / "log.jsonl", rows, table)
    report = llmopt.price_logs([tmp_path / "log.jsonl"], by=["model", "tier"])
    check(report, truth)
    assert {group.key["tier"] for group in report.groups} == {"default", "flex"}
    assert {row.effective_from for row in report.resolved if row.model == "o3"} >= {
        date(2025, 4, 16),
        date(2025, 6, 10),
    }
    assert 600 * rows < (tmp_path / "log.jsonl").stat().st_size < 680 * rows


@pytest.mark.parametrize(("responses", "sessions"), [(ROWS // 3, 1), (ROWS // 3, 7), (LARGE // 3, 7)])
def test_transcripts_cost_what_the_generator_says(
    tmp_path: Path, table: PriceTable, responses: int, sessions: int
) -> None:
    truth = write_transcripts(tmp_path, responses, sessions, table)
    files = list((tmp_path / ".claude" / "projects").glob("*/*.jsonl"))
    assert len(files) == sessions
    assert sum(len(path.read_bytes().splitlines()) for path in files) == truth.lines
    assert responses < truth.records < 3 * responses
    check(llmopt.price_logs([tmp_path / ".claude" / "projects"]), truth)


def test_a_seed_gives_the_same_log(tmp_path: Path, table: PriceTable) -> None:
    truths = [write_chat_log(tmp_path / name, ROWS, table, seed=3) for name in ("a", "b")]
    other = write_chat_log(tmp_path / "c", ROWS, table, seed=4)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert (a, truths[0]) == (b, truths[1])
    assert (c, other) != (a, truths[0])
    homes = [tmp_path / name for name in ("one", "two")]
    assert write_transcripts(homes[0], 50, 3, table) == write_transcripts(homes[1], 50, 3, table)
    one, two = ({path.name: path.read_bytes() for path in home.rglob("*.jsonl")} for home in homes)
    assert one == two


def test_a_tally_is_an_exact_product_of_tokens_and_rates(table: PriceTable) -> None:
    tally = Tally(longest_input=5_000)
    tally.add("o3", "default", date(2025, 6, 9), (1_000, 0, 0, 0, 100, 50))
    tally.add("o3", "default", date(2025, 6, 10), (1_000, 0, 0, 0, 100, 50))
    total = tally.total(table)
    before, after = Decimal("0.01") + Decimal("0.006"), Decimal("0.002") + Decimal("0.0012")
    assert total.cost_usd == before + after
    assert (total.requests, total.input_tokens, total.output_tokens, total.reasoning_tokens) == (2, 2_000, 300, 100)


@pytest.mark.parametrize(
    ("model", "day", "longest"),
    [
        ("no-such-model", date(2025, 6, 9), 5_000),
        ("o3", date(2024, 1, 1), 5_000),
        ("claude-sonnet-4-5-20250929", date(2026, 1, 1), 300_000),
    ],
)
def test_a_price_in_doubt_is_no_expectation(table: PriceTable, model: str, day: date, longest: int) -> None:
    tally = Tally(longest)
    tally.add(model, "default", day, (1, 0, 0, 0, 1, 0))
    with pytest.raises(ValueError, match=model):
        tally.total(table)


def test_a_tiny_run_finds_every_figure_exact(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "cost_logs.py"), "--rows", "3000", "--responses", "200"]
    command += ["--sessions", "2", "--rounds", "1", "--dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "WRONG" in done.stderr) == (0, False), done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["exact"] == {"chat_log": True, "claude": True}
