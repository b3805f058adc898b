"""`llmopt estimate`: the tutorial's figures, and clear answers to wrong questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt
from tests.conftest import Golden

TUTORIAL = ("estimate", "--model", "gpt-4", "--input", "500", "--output", "300", "--per-day", "1000000")


@pytest.mark.parametrize(
    ("format", "suffix"), [("table", "txt"), ("json", "json"), ("csv", "csv"), ("markdown", "md"), ("html", "html")]
)
def test_every_format(llmopt: Llmopt, golden: Golden, format: str, suffix: str) -> None:
    outcome = llmopt(*TUTORIAL, "--format", format)
    assert outcome.code == 0
    golden(f"cli/estimate.{suffix}", outcome.out)


def test_the_answer_in_one_line(llmopt: Llmopt) -> None:
    assert "$0.033 a call, $33,000 a day, $990,000 a month (30 days)" in llmopt(*TUTORIAL).out


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("--input", "250000", "--output", "1000"), "$1.52 a call"),
        (("--input", "1000", "--cached", "1000"), "$0.0003 a call"),
        (("--input", "1000", "--tier", "batch"), "$0.0015 a call"),
        (("--input", "0"), "$0 a call, $0 a day"),
    ],
)
def test_shapes_of_a_request(llmopt: Llmopt, arguments: tuple[str, ...], answer: str) -> None:
    assert answer in llmopt("estimate", "--model", "claude-sonnet-4-5", *arguments).out


def test_a_price_of_another_day(llmopt: Llmopt) -> None:
    outcome = llmopt("estimate", "-m", "gpt-4o", "--input", "1000000", "--as-of", "2024-06-01", "--format", "json")
    answer = json.loads(outcome.out)
    assert answer["schema"] == "llmopt.estimate/1"
    assert (answer["request_usd"], answer["price"]["price_id"]) == ("5", "openai/gpt-4o@2024-05-13")


def test_a_warning_is_shown(llmopt: Llmopt) -> None:
    assert "warning: gpt-4: no price known before" in llmopt(*TUTORIAL, "--as-of", "2020-01-01").out


def test_prices_of_ones_own(llmopt: Llmopt, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    rows = [{"usd_per_mtok": {"input_uncached": "1", "output_text": "1"}}]
    own.write_text(
        json.dumps({"schema": 1, "provider": "me", "checked": "2026-01-01", "models": {"gpt-4": {"rows": rows}}})
    )
    assert "$0.0008 a call" in llmopt(*TUTORIAL, "--prices", own).out


@pytest.mark.parametrize(
    ("arguments", "complaint", "hint"),
    [
        (("--model", "gpt-4o-ultra", "--input", "1"), "no model is known as 'gpt-4o-ultra'", "did you mean 'gpt-4o'?"),
        (("--model", "gpt-4", "--input", "1", "--tier", "btach"), "no such tier: 'btach'", "did you mean 'batch'?"),
        (("--model", "gpt-4", "--input", "1", "--cached", "2"), "--cached 2 is more than --input 1", "--input counts"),
        (("--model", "gpt-4", "--input", "many"), "--input 'many'", "such as"),
        (("--model", "gpt-4"), "--input", ""),
    ],
)
def test_wrong_questions(llmopt: Llmopt, arguments: tuple[str, ...], complaint: str, hint: str) -> None:
    outcome = llmopt("estimate", *arguments)
    assert outcome.code == 2
    assert complaint in outcome.err
    assert hint in outcome.err
    assert outcome.out == ""
