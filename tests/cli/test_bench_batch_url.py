"""`llmopt bench-batch --url`: what reaches the load test, and how its outcome ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.bench.arrivals import Workload
from llmopt.bench.url_options import UrlOptions
from llmopt.bench.url_result import UrlSweep, UrlUnmet
from llmopt.cli import bench_batch_url
from tests.cli.conftest import Llmopt
from tests.report.bench_reports import URL

SERVER = ("bench-batch", "--url", "http://127.0.0.1:8000/v1")


@dataclass
class Load:
    """Stands for `sweep_url`."""

    outcome: UrlSweep = URL
    calls: list[tuple[UrlOptions, Workload]] = field(default_factory=list)

    def __call__(
        self, options: UrlOptions, workload: Workload, *, progress: Callable[[int, int, str], None]
    ) -> UrlSweep:
        self.calls.append((options, workload))
        return self.outcome


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, workdir: Path) -> Load:
    found = Load()
    monkeypatch.setattr(bench_batch_url, "sweep_url", found)
    return found


def test_defaults(llmopt: Llmopt, load: Load) -> None:
    outcome = llmopt(*SERVER)
    assert (outcome.code, outcome.err) == (0, "")
    assert "plan for 16 requests/s" in outcome.out
    options, workload = load.calls[0]
    assert (options.model, options.api_key_env, options.new_tokens, options.max_time_s) == (None, None, 64, 60.0)
    assert (workload.lengths, workload.rate_per_s, workload.pattern_s) == ((128,), None, ())


def test_every_option_arrives(llmopt: Llmopt, load: Load) -> None:
    more = ("--model", "m", "--api-key-env", "KEY", "--new-tokens", 8, "--slo-p99", "600ms", "--rate", "40/s")
    sizes = ("--seq-len", "16,64", "--max-time", "2min", "--min-samples", 50, "--price-per-hour", "2.5")
    document = json.loads(llmopt(*SERVER, *more, *sizes, "--format", "json").out)
    options, workload = load.calls[0]
    assert (options.model, options.api_key_env, options.new_tokens, options.slo_p99_s) == ("m", "KEY", 8, 0.6)
    assert (options.max_time_s, options.min_samples, options.price_per_hour) == (120.0, 50, Decimal("2.5"))
    assert (options.user_rate_per_s, options.rates, workload.lengths) == (40.0, (40.0,), (16, 64))
    assert document["schema"] == "llmopt.bench-batch/1"
    assert document["slo_p99_s"] == 0.6
    assert document["recommended"]["rate_per_s"] == 16.0
    assert document["points"][2]["failed"] == {"HTTP 429": 7, "timeout": 1}


def test_several_rates_are_held_each(llmopt: Llmopt, load: Load) -> None:
    assert llmopt(*SERVER, "--rate", "1/s,90/min,4").code == 0
    options = load.calls[0][0]
    assert (options.rates, options.user_rate_per_s) == ((1.0, 1.5, 4.0), None)


def test_a_log_gives_prompts_and_arrivals(llmopt: Llmopt, load: Load) -> None:
    line = '{"timestamp": "2026-05-01T00:00:0%dZ", "model": "m", "input_tokens": %d, "output_tokens": 1}\n'
    Path("log.jsonl").write_text("".join(line % (at, 10 + at) for at in range(9)))
    assert llmopt(*SERVER, "--lengths", "log.jsonl", "--arrivals", "log.jsonl").code == 0
    workload = load.calls[0][1]
    assert sorted(workload.lengths) == list(range(10, 19))
    assert len(workload.pattern_s) == 9
    assert load.calls[0][0].user_rate_per_s == pytest.approx(1.0, rel=0.2)


def test_an_slo_that_no_rate_meets_and_a_silent_server_are_exit_1(llmopt: Llmopt, load: Load) -> None:
    load.outcome = replace(URL, recommended=UrlUnmet(0.1, 1.0, 0.3, "no rate meets 100 ms; the nearest is 1/s"))
    outcome = llmopt(*SERVER, "--slo-p99", "100ms")
    assert (outcome.code, outcome.err) == (1, "llmopt: check failed: no rate meets 100 ms; the nearest is 1/s\n")
    assert "Arrival rates" in outcome.out
    load.outcome = replace(URL, recommended=None)
    outcome = llmopt(*SERVER)
    assert (outcome.code, outcome.err) == (1, "llmopt: check failed: no request was answered\n")
