"""`llmopt cost --format focus`: the charges beside the report, which stays what it was."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt
from tests.conftest import ROOT, Golden

CHAT = ROOT / "samples" / "openai-chat.jsonl"
SAMPLES = ROOT / "samples"


def test_the_charges_add_up_to_the_total_of_the_report(llmopt: Llmopt, workdir: Path) -> None:
    options = ("--as-of", "2026-03-20", "--by", "team,hour")
    plain = llmopt("cost", SAMPLES, *options, "--format", "json")
    both = llmopt("cost", SAMPLES, *options, "-o", "all.focus.csv", "-o", "report.json")
    assert (plain.code, both.code, both.out) == (0, 0, "")
    report = json.loads(Path("report.json").read_text())
    assert report == json.loads(plain.out)
    rows = list(csv.DictReader(io.StringIO(Path("all.focus.csv").read_text())))
    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal(report["total"]["cost_usd"])
    assert sum(int(row["x_Requests"]) for row in rows) == report["total"]["requests"]
    assert "7 requests without a price not in the FOCUS rows: " in both.err


def test_golden(llmopt: Llmopt, golden: Golden) -> None:
    golden("cost/openai-chat.focus.csv", llmopt("cost", CHAT, "--format", "focus", "--by", "user").out)


def test_a_log_without_times_asks_for_a_day(llmopt: Llmopt) -> None:
    undated = llmopt("cost", SAMPLES / "anthropic-batch.jsonl", "--format", "focus")
    assert (undated.code, undated.out) == (2, "")
    assert "requests without a timestamp" in undated.err
    assert "--as-of DATE" in undated.err


def test_what_grows_has_no_charges_yet(llmopt: Llmopt) -> None:
    outcome = llmopt("cost", CHAT, "--follow", "--format", "focus")
    assert (outcome.code, outcome.out) == (2, "")
    assert "--format focus and --follow exclude each other" in outcome.err


def test_a_baseline_compares_with_the_groups_that_were_asked_for(llmopt: Llmopt, workdir: Path) -> None:
    assert llmopt("cost", CHAT, "-o", "base.json").code == 0
    outcome = llmopt("cost", CHAT, "--baseline", "base.json", "--max-increase", "0%", "-o", "x.focus.csv", "-o", "x.md")
    assert outcome.code == 0, outcome.err
    assert "- :white_check_mark: --max-increase: 0% (limit 0%)" in Path("x.md").read_text()


def test_what_grows_goes_to_one_place(llmopt: Llmopt, workdir: Path) -> None:
    outcome = llmopt("cost", CHAT, "--follow", "-o", "-", "-o", "a.json")
    assert (outcome.code, outcome.out) == (2, "")
    assert "--follow writes to one place" in outcome.err


@pytest.mark.parametrize("command", ["tokens", "project"])
def test_other_commands_have_no_charges(llmopt: Llmopt, command: str) -> None:
    outcome = llmopt(command, CHAT, "--format", "focus")
    assert outcome.code == 2
    assert "there is no output format 'focus'" in outcome.err
