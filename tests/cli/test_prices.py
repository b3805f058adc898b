"""`llmopt prices`: list, show, diff, check, refresh."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from llmopt.cost.pricing.load import default_root
from tests.cli.conftest import Llmopt

ROW = {"usd_per_mtok": {"input_uncached": "1", "output_text": "2"}}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.json"
    content = {"schema": 1, "provider": "me", "checked": "2026-01-01", "sources": ["https://example.com"]}
    path.write_text(json.dumps({**content, "models": {"house-1": {"rows": [ROW]}}}))
    return path


def test_list(llmopt: Llmopt, own: Path) -> None:
    outcome = llmopt("prices", "list", "--search", "house", "--prices", own)
    assert outcome.code == 0
    assert "1 model\n" in outcome.out
    assert "house-1" in outcome.out


def test_list_for_machines(llmopt: Llmopt) -> None:
    answer = json.loads(llmopt("prices", "list", "--provider", "anthropic", "--format", "json").out)
    assert answer["schema"] == "llmopt.prices.list/1"
    opus = next(model for model in answer["models"] if model["model"] == "claude-opus-4-5")
    assert opus["rates"]["output_text"] == "25"


def test_list_as_of_a_day(llmopt: Llmopt) -> None:
    outcome = llmopt("prices", "list", "--provider", "openai", "--as-of", "2023-04-01", "--format", "csv")
    assert "openai,gpt-3.5-turbo,2,,2" in outcome.out


def test_an_unknown_provider(llmopt: Llmopt) -> None:
    outcome = llmopt("prices", "list", "--provider", "acme")
    assert (outcome.code, outcome.out) == (2, "")
    assert "no such provider: 'acme'" in outcome.err


def test_show(llmopt: Llmopt) -> None:
    outcome = llmopt("prices", "show", "gpt-5.4")
    assert outcome.code == 0
    assert "> 272,000 input tokens (cliff)" in outcome.out
    assert "https://developers.openai.com/api/docs/pricing" in outcome.out
    assert "2026-11-22" in outcome.out


def test_show_the_past_with_sources(llmopt: Llmopt) -> None:
    out = llmopt("prices", "show", "deepseek-chat").out
    assert "16:30-00:30 UTC" in out
    assert "never: history knows better" in out
    assert "reported" in out


def test_show_fees_and_rules(llmopt: Llmopt) -> None:
    assert "share of the default rate" in llmopt("prices", "show", "claude-3-opus").out
    assert "request 0.012" in llmopt("prices", "show", "sonar", "--provider", "perplexity").out


def test_show_an_unknown_model(llmopt: Llmopt) -> None:
    outcome = llmopt("prices", "show", "gpt-4o-ultra")
    assert outcome.code == 2
    assert "did you mean 'gpt-4o'?" in outcome.err


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("2024-10-01", "2024-10-02", "6 rates of 1 model\n"),
        ("2024-10-01", "2024-10-01", "No difference.\n"),
        ("gpt-4", "gpt-4o", "gpt-4 -> gpt-4o"),
    ],
)
def test_diff(llmopt: Llmopt, before: str, after: str, expected: str) -> None:
    outcome = llmopt("prices", "diff", before, after)
    assert outcome.code == 0
    assert expected in outcome.out


def test_diff_of_files_and_folders(llmopt: Llmopt, own: Path, tmp_path: Path) -> None:
    dearer = tmp_path / "dearer.json"
    dearer.write_text(own.read_text().replace('"output_text": "2"', '"output_text": "3"'))
    assert "1 rate of 1 model\n" in llmopt("prices", "diff", own, dearer).out
    assert "150.0%" in llmopt("prices", "diff", own, dearer).out
    root = default_root()
    assert "No difference." in llmopt("prices", "diff", root, root).out


def test_a_day_does_not_compare_with_a_model(llmopt: Llmopt) -> None:
    outcome = llmopt("prices", "diff", "2024-10-01", "gpt-4o")
    assert outcome.code == 2
    assert "a day compares with a day" in outcome.err


def test_check(llmopt: Llmopt, own: Path) -> None:
    outcome = llmopt("prices", "check", own)
    assert outcome.code == 0
    assert "Nothing wrong, checked" in outcome.out


def test_check_fails_with_each_finding(llmopt: Llmopt, own: Path) -> None:
    content = json.loads(own.read_text())
    content["models"]["house-1"]["rows"] = [ROW, ROW]
    own.write_text(json.dumps(content))
    outcome = llmopt("prices", "check", own)
    assert outcome.code == 1
    assert f"llmopt: check failed: {own}: house-1: two default rows from undated" in outcome.err
    assert "finding" in outcome.out


def test_refresh_adds_nothing_twice(llmopt: Llmopt, tmp_path: Path) -> None:
    pytest.importorskip("genai_prices")
    shutil.copytree(default_root(), tmp_path / "pricing")
    outcome = llmopt("prices", "refresh", "--root", tmp_path / "pricing", "--as-of", "2026-12-24")
    assert outcome.code == 0
    assert "Nothing new." in outcome.out
    (tmp_path / "pricing" / "providers" / "groq.json").unlink()
    outcome = llmopt("prices", "refresh", "--root", tmp_path / "pricing", "--format", "json")
    answer = json.loads(outcome.out)
    assert answer["written"] == ["groq.json"]
    assert len(answer["additions"]) == 37
