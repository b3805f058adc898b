"""`llmopt cache simulate` on the samples: every format, pipes, and what is no log."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.report.render import FORMATS
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT, Golden

SAMPLE = "samples/caching"
SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}
OPTIONS = ("--ttl", "1h,24h", "--size", "8kB,unbounded", "--per-day", "100000")


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format(llmopt: Llmopt, golden: Golden, format: str) -> None:
    outcome = llmopt("cache", "simulate", SAMPLE, *OPTIONS, "--format", format, "-q")
    assert (outcome.code, outcome.err) == (0, "")
    golden(f"cli/cache-simulate.{SUFFIX[format]}", outcome.out)


def test_the_bill_is_that_of_llmopt_cost(llmopt: Llmopt) -> None:
    found = json.loads(llmopt("cache", "simulate", SAMPLE, "--format", "json").out)
    bill = json.loads(llmopt("cost", SAMPLE, "--format", "json").out)
    assert found["cost_usd"] == bill["total"]["cost_usd"]
    assert found["requests"] == found["simulated"] + sum(one["requests"] for one in found["left_out"])
    best = found["best"]
    tenants = [sum(one["settings"][2]["hits"] for one in found[group]) for group in ("tenants", "models")]
    assert tenants == [found["settings"][2]["hits"]] * 2
    assert best["hits"] == max(one["hits"] for one in found["settings"])
    assert 0 < Decimal(best["saved_usd"]) < Decimal(found["cost_usd"])


def test_more_sharing_means_more_hits(llmopt: Llmopt) -> None:
    def hits(*options: str) -> int:
        found = json.loads(llmopt("cache", "simulate", SAMPLE, "--ttl", "7d", *options, "--format", "json").out)
        count: int = found["settings"][0]["hits"]
        return count

    apart, by_user, together = hits(), hits("--tenant-by", "user"), hits("--tenant-by", "none")
    assert by_user <= apart <= together
    assert by_user < together
    assert hits("--cache-sampled") >= apart
    assert hits("--size", "4kB") < apart


def test_what_would_simulate_more_is_said(llmopt: Llmopt) -> None:
    line = "With --cache-sampled, those that sample, or do not say, are simulated as well."
    assert line in llmopt("cache", "simulate", SAMPLE).out
    assert line not in llmopt("cache", "simulate", SAMPLE, "--cache-sampled").out
    assert line not in llmopt("cache", "simulate", "samples/openai-chat.jsonl").out


def test_a_log_from_a_pipe(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"".join(path.read_bytes() for path in sorted((ROOT / SAMPLE).iterdir()))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    piped = json.loads(llmopt("cache", "simulate", "-", "--format", "json").out)
    read = json.loads(llmopt("cache", "simulate", SAMPLE, "--format", "json").out)
    assert piped["settings"] == read["settings"]


def test_a_part_of_the_log(llmopt: Llmopt) -> None:
    def found(*options: str) -> tuple[int, Decimal]:
        read = json.loads(llmopt("cache", "simulate", SAMPLE, *options, "--format", "json").out)
        return read["requests"], Decimal(read["cost_usd"])

    day, next_day = found("--until", "2026-03-24"), found("--since", "2026-03-25")
    assert found() == (day[0] + next_day[0], day[1] + next_day[1])
    assert day[0] > 0 < next_day[0]
    assert found("--since", "2026-03-24", "--until", "2026-03-24") == day
    outcome = llmopt("cache", "simulate", SAMPLE, "--since", "2027-01-01")
    assert outcome.code == 0
    assert "there is nothing to simulate" in outcome.out
    assert "other things, or not of the time asked for 186." in outcome.out


def test_logs_without_prompts_are_not_called_misses(llmopt: Llmopt) -> None:
    found = json.loads(llmopt("cache", "simulate", "samples/openai-chat.jsonl", "--format", "json").out)
    assert (found["simulated"], found["best"], found["decided"]) == (0, None, 0)
    outcome = llmopt("cache", "simulate", "samples/openai-chat.jsonl", "--strict")
    assert outcome.code == 1
    assert "no prompt in the record" in outcome.err


@pytest.mark.parametrize("text", ["", "garbage\n", "[1, 2\n", "\x00\x01"])
def test_what_is_no_log_is_one_line(llmopt: Llmopt, tmp_path: Path, text: str) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(text)
    outcome = llmopt("cache", "simulate", log)
    assert "Traceback" not in outcome.err
    assert outcome.code == 2
    assert outcome.err.startswith("llmopt: error: ")
    assert llmopt("cache", "simulate", tmp_path / "missing").code == 2
