"""`llmopt cost`: flags reach the library, the report is printed first, and checks end in exit code 1."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from llmopt.cost import api
from llmopt.cost.result import CostReport, Rejected
from llmopt.report.render import FORMATS
from tests.cli.conftest import Llmopt
from tests.cost.reports import empty, group, report_of, troubled

SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}
PLAIN = report_of(group("gpt-4o", "21.5", 9000), group("gpt-4o-mini", "1.25", 700))


class Pricing:
    """Stands in for the library: gives a fixed report and remembers how it was called."""

    def __init__(self) -> None:
        self.report: CostReport = PLAIN
        self.calls: list[dict[str, Any]] = []

    def __call__(self, paths: list[str], **options: Any) -> CostReport:
        self.calls.append({"paths": paths, **options})
        return self.report


@pytest.fixture(autouse=True)
def pricing(monkeypatch: pytest.MonkeyPatch, workdir: Path) -> Pricing:
    fake = Pricing()
    monkeypatch.setattr(api, "price_logs", fake)
    return fake


@pytest.mark.parametrize("format", FORMATS)
def test_every_format(format: str, llmopt: Llmopt, golden: Callable[[str, str], None]) -> None:
    outcome = llmopt("cost", "logs", "--format", format)
    assert (outcome.code, outcome.err) == (0, "")
    golden(f"cli/cost.{SUFFIX[format]}", outcome.out)


def test_help(llmopt: Llmopt, golden: Callable[[str, str], None]) -> None:
    golden("cli/cost-help.txt", llmopt("cost", "--help").out)


def test_defaults_reach_the_library(llmopt: Llmopt, pricing: Pricing) -> None:
    llmopt("cost", "a.jsonl", "-")
    assert pricing.calls == [
        {
            "paths": ["a.jsonl", "-"],
            "by": ("model",),
            "since": None,
            "until": None,
            "as_of": None,
            "input_format": "auto",
            "mapping": None,
            "format_specs": [],
            "prices": [],
            "deployments": None,
            "cached": None,
            "dedupe": "auto",
            "jobs": None,
            "memory_bytes": None,
            "dearest": False,
            "daily": False,
        }
    ]


def test_flags_reach_the_library(llmopt: Llmopt, pricing: Pricing) -> None:
    Path("names.toml").write_text('prod = "gpt-4o"\n')
    llmopt(
        *(
            "cost",
            "logs",
            "--by",
            "day,model",
            "--since",
            "2025-08-01",
            "--until",
            "2025-08-31",
            "--as-of",
            "2025-09-01",
        ),
        *("--input-format", "generic", "--map", "engine=model", "--map", "tokens=input_uncached"),
        *("--format-spec", "a.toml", "--prices", "p.json", "--prices", "q.json", "--deployments", "names.toml"),
        *(
            "--cached",
            "included",
            "--dedupe",
            "none",
            "--jobs",
            "2",
            "--memory",
            "300MB",
            "--max-cost-per-request",
            "9",
        ),
    )
    assert pricing.calls == [
        {
            "paths": ["logs"],
            "by": ("day", "model"),
            "since": datetime(2025, 8, 1, tzinfo=UTC),
            "until": datetime(2025, 9, 1, tzinfo=UTC),
            "as_of": datetime(2025, 9, 1, tzinfo=UTC),
            "input_format": "generic",
            "mapping": {"engine": "model", "tokens": "input_uncached"},
            "format_specs": [Path("a.toml")],
            "prices": [Path("p.json"), Path("q.json")],
            "deployments": {"prod": "gpt-4o"},
            "cached": "included",
            "dedupe": "none",
            "jobs": 2,
            "memory_bytes": 300_000_000,
            "dearest": True,
            "daily": False,
        }
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--max-cost", "much"],
        ["--max-increase", "10%"],
        ["--max-increase", "10", "--baseline", "x"],
        ["--baseline", "none.json"],
        ["--top", "0"],
        ["--jobs", "0"],
        ["--cached", "perhaps"],
        ["--dedupe", "maybe"],
        ["--memory", "lots"],
        ["--since", "yesterday"],
        ["--format", "yaml"],
        ["-o", "report.xyz"],
        ["--deployments", "none.toml"],
        ["--nope"],
    ],
)
def test_a_wrong_flag_costs_no_work(arguments: list[str], llmopt: Llmopt, pricing: Pricing) -> None:
    outcome = llmopt("cost", "logs", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("llmopt: error: ")
    assert "\nllmopt: hint: " in outcome.err
    assert not pricing.calls


def test_a_log_is_asked_for(llmopt: Llmopt) -> None:
    assert llmopt("cost").err.startswith("llmopt: error: no logs are named\nllmopt: hint: llmopt cost LOGS")


def test_the_report_is_printed_before_all_failed_checks(llmopt: Llmopt, pricing: Pricing) -> None:
    pricing.report = troubled()
    outcome = llmopt("cost", "logs", "--max-cost", "19", "--max-monthly", "50", "--max-unpriced", "0")
    assert outcome.code == 1
    assert "$19.06 for 1,234 requests" in outcome.out
    assert outcome.err.splitlines() == [
        "llmopt: check failed: the cost is $19.06 ($19.055607), over --max-cost $19.00",
        "llmopt: check failed: the cost scaled to 30 days is $57.17 ($57.166821), over --max-monthly $50.00",
        "llmopt: check failed: 8 requests have no price, over --max-unpriced 0",
    ]
    assert llmopt("cost", "logs", "--max-cost", "20").code == 0


def test_strict_fails_where_the_same_log_passes_without(llmopt: Llmopt, pricing: Pricing) -> None:
    pricing.report = troubled()
    assert llmopt("cost", "logs").code == 0
    assert llmopt("cost", "logs", "--strict").code == 1


def test_failed_checks_stand_in_the_json_too(llmopt: Llmopt) -> None:
    outcome = llmopt("cost", "logs", "--max-cost", "1", "--format", "json")
    assert outcome.code == 1
    assert json.loads(outcome.out)["failed_checks"] == ["the cost is $22.75, over --max-cost $1.00"]


def test_nothing_readable_is_bad_input_and_still_says_why(llmopt: Llmopt, pricing: Pricing) -> None:
    pricing.report = replace(empty(), read=2, rejected=(Rejected("not JSON", 2, "a.jsonl:1"),))
    outcome = llmopt("cost", "logs", "--strict")
    assert outcome.code == 2
    assert "a.jsonl:1" in outcome.out
    assert outcome.err.startswith("llmopt: error: no record could be read\n")


def test_a_baseline_is_compared_and_gates(llmopt: Llmopt, pricing: Pricing) -> None:
    assert llmopt("cost", "logs", "-o", "old.json").out == ""
    pricing.report = report_of(group("gpt-4o", "30", 9000), group("gpt-4o-mini", "1.25", 700))
    outcome = llmopt("cost", "logs", "--baseline", "old.json", "--max-increase", "10%")
    assert outcome.code == 1
    assert "Against the baseline" in outcome.out
    assert outcome.err == (
        "llmopt: check failed: the cost is $31.25, 37.36% over the baseline's $22.75 (--max-increase 10%)\n"
    )
    assert llmopt("cost", "logs", "--baseline", "old.json", "--max-increase", "40%").code == 0


@pytest.mark.parametrize(
    ("name", "start"), [("r.json", "{"), ("r.csv", "model,"), ("r.md", "### "), ("r.txt", "LLM cost")]
)
def test_a_file_gets_the_format_of_its_suffix(name: str, start: str, llmopt: Llmopt) -> None:
    outcome = llmopt("cost", "logs", "-o", name)
    assert (outcome.code, outcome.out) == (0, "")
    assert Path(name).read_text().startswith(start)


def test_the_format_is_the_flags_then_the_suffixs_then_the_settings(
    llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPT_FORMAT", "csv")
    assert llmopt("cost", "logs").out.startswith("model,")
    llmopt("cost", "logs", "-o", "r.md")
    assert Path("r.md").read_text().startswith("### ")
    llmopt("cost", "logs", "-o", "r.md", "--format", "json")
    assert Path("r.md").read_text().startswith("{")
    llmopt("cost", "logs", "-o", "r.data")
    assert Path("r.data").read_text().startswith("model,")


def test_a_file_that_cannot_be_written_is_named(llmopt: Llmopt) -> None:
    outcome = llmopt("cost", "logs", "-o", "none/r.json")
    assert outcome.code == 2
    assert "none/r.json: cannot be written: No such file or directory" in outcome.err


def test_warnings_that_the_output_does_not_carry_go_to_stderr(llmopt: Llmopt, pricing: Pricing) -> None:
    pricing.report = troubled()
    assert llmopt("cost", "logs").err == ""
    assert len(llmopt("cost", "logs", "--format", "csv").err.splitlines()) == 4
    assert len(llmopt("cost", "logs", "-o", "r.md").err.splitlines()) == 4
    assert llmopt("cost", "logs", "--format", "csv", "-q").err == ""


def test_quiet_leaves_the_background_out_and_verbose_brings_it_back(llmopt: Llmopt, pricing: Pricing) -> None:
    pricing.report = troubled()
    assert "Prices used" in llmopt("cost", "logs").out
    assert "Prices used" not in llmopt("cost", "logs", "-q").out
    assert "Prices used" in llmopt("cost", "logs", "-q", "-v").out


def test_the_step_summary_gets_the_markdown_too(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("summary.md").write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    outcome = llmopt("cost", "logs", "--format", "csv")
    assert outcome.out.startswith("model,")
    text = Path("summary.md").read_text()
    assert text.startswith("before\n### LLM cost\n")
    assert text == "before\n" + llmopt("cost", "logs", "--format", "markdown").out + "\n"


@pytest.mark.parametrize(("term", "escapes"), [("xterm", True), ("dumb", False)])
def test_a_terminal_gets_lines_and_no_escape_when_it_is_dumb(
    term: str, escapes: bool, llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_, **__: os.terminal_size((90, 24)))
    out = llmopt("cost", "logs").out
    assert "───" in out
    assert ("\x1b[" in out) == escapes
    assert "$22.75" in out


def test_top_shows_the_dearest(llmopt: Llmopt) -> None:
    out = llmopt("cost", "logs", "--top", "1").out
    assert "(1 other)" in out
    assert "gpt-4o-mini" not in out
