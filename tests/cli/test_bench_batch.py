"""`llmopt bench-batch` on a target whose times are a formula: exit codes, checks, files."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llmopt.bench import child
from llmopt.bench.guard import Guard
from llmopt.bench.result import Noise
from llmopt.models.others import Others
from llmopt.serving.batching.toml import read_config
from tests.bench.simulated import QuietGuard, SimulatedTarget
from tests.cli.conftest import Llmopt

FAST = ("model", "--batch-sizes", "1,2,4,8,16", "--seq-len", "32", "--max-time", "3s")


@dataclass
class Targets:
    """Stands for `ChildTarget`: keeps the factories, and gives out simulated targets."""

    simulated: SimulatedTarget = field(default_factory=SimulatedTarget)
    factories: list[Any] = field(default_factory=list)
    remaining_s: list[Callable[[], float]] = field(default_factory=list)

    def __call__(self, factory: Any, remaining_s: Callable[[], float]) -> SimulatedTarget:
        self.factories.append(factory)
        self.remaining_s.append(remaining_s)
        return self.simulated


@pytest.fixture
def targets(monkeypatch: pytest.MonkeyPatch, workdir: Path) -> Targets:
    found = Targets()
    monkeypatch.setattr(child, "ChildTarget", found)
    monkeypatch.setattr(Guard, "reading", QuietGuard.reading)
    monkeypatch.setattr(Guard, "noise", QuietGuard.noise)
    monkeypatch.setattr(Others, "share", lambda others: 0.0)
    return found


def test_a_run_without_wishes(llmopt: Llmopt, targets: Targets) -> None:
    outcome = llmopt("bench-batch", *FAST)
    assert (outcome.code, outcome.err) == (0, "")
    assert "model" not in outcome.out.splitlines()[2].split()[0]
    assert "batches of up to 16" in outcome.out
    assert "AdaptiveBatcher(predict, max_batch_size=16" in outcome.out
    assert "Throughput against p99" in outcome.out
    assert targets.simulated.closed
    assert 0 < targets.remaining_s[0]() < 5


def test_the_options_of_the_model_reach_its_factory(llmopt: Llmopt, targets: Targets) -> None:
    more = ("--device", "cpu", "--dtype", "bfloat16", "--attention", "eager", "--compile", "--task", "generate")
    assert llmopt("bench-batch", *FAST, *more, "--new-tokens", 8, "--trust-remote-code").code == 0
    found = targets.factories[0]
    assert (found.path, found.device, found.dtype, found.attention) == ("model", "cpu", "bfloat16", "eager")
    assert (found.compile, found.task, found.new_tokens, found.trust_remote_code) == (True, "generate", 8, True)


def test_a_function_gets_its_inputs(llmopt: Llmopt, targets: Targets) -> None:
    assert llmopt("bench-batch", "m:f", "--inputs", "x.txt", "--batch-sizes", "1,2", "--max-time", "2s").code == 0
    assert (targets.factories[0].spec, targets.factories[0].inputs) == ("m:f", "x.txt")
    assert {length for batch in targets.simulated.batches for length in batch} == {1}


def test_everything_at_once_as_json(llmopt: Llmopt, targets: Targets) -> None:
    more = ("--slo-p99", "80ms", "--rate", "500/s", "--price-per-hour", "3.6", "--verify", "--format", "json")
    outcome = llmopt("bench-batch", *FAST, *more, "--save-config", "batcher.toml")
    assert (outcome.code, outcome.err) == (0, "")
    document = json.loads(outcome.out)
    best = document["recommended"]
    assert best["rate_per_s"] > 75
    assert best["user_rate_per_s"] == 500.0
    assert float(best["usd_per_million"]) == pytest.approx(1000 / best["rate_per_s"], rel=1e-6)
    assert document["verified"]["slo_met"] is True
    assert document["slo_p99_s"] == 0.08
    assert document["failed_checks"] == []
    saved = Path("batcher.toml").read_text()
    assert saved == best["config"]
    settings = read_config(Path("batcher.toml")).settings
    assert (settings.max_batch_size, settings.max_wait_s) == (best["max_batch_size"], best["max_wait_s"])


def test_an_slo_that_nothing_meets_is_exit_1_after_the_report(llmopt: Llmopt, targets: Targets) -> None:
    outcome = llmopt("bench-batch", *FAST, "--slo-p99", "5ms", "--save-config", "batcher.toml")
    assert outcome.code == 1
    assert "no setting meets a p99 of 5 ms" in outcome.out
    checks = [line for line in outcome.err.splitlines() if line.startswith("llmopt: check failed: ")]
    assert len(checks) == 1
    assert "no setting meets p99 <= 5 ms: the nearest of" in checks[0]
    assert "batcher.toml: nothing was recommended" in outcome.err
    assert not Path("batcher.toml").exists()


def test_a_noisy_machine_fails_the_run_unless_it_is_allowed(
    llmopt: Llmopt, targets: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guard, "noise", lambda self: Noise(quiet=False, reasons=("drift 12%",)))
    outcome = llmopt("bench-batch", *FAST)
    assert outcome.code == 1
    assert "Batches of requests" in outcome.out
    assert outcome.err == ("llmopt: check failed: the machine was not quiet: drift 12%; --allow-noisy lets it pass\n")
    assert llmopt("bench-batch", *FAST, "-o", "noisy.csv").err == outcome.err
    assert "warning: The machine was not quiet" in llmopt("bench-batch", *FAST, "-o", "x.csv", "--allow-noisy").err
    allowed = llmopt("bench-batch", *FAST, "--allow-noisy")
    assert (allowed.code, allowed.err) == (0, "")
    assert "warning: The machine was not quiet: drift 12%." in allowed.out


def test_a_regression_fails_the_run_only_where_that_is_asked_for(llmopt: Llmopt, targets: Targets) -> None:
    assert llmopt("bench-batch", *FAST, "-o", "before.json").code == 0
    same = llmopt("bench-batch", *FAST, "--baseline", "before.json", "--fail-on-regression", "5%")
    assert (same.code, same.err) == (0, "")
    assert "no regression beyond 5.0%" in same.out
    targets.simulated = SimulatedTarget(0.0125, 0.000125)
    slow = llmopt("bench-batch", *FAST, "--baseline", "before.json", "--fail-on-regression", "5%")
    assert slow.code == 1
    assert "25.0% slower than the baseline" in slow.err
    assert "a regression beyond 5.0%" in slow.out
    assert llmopt("bench-batch", *FAST, "--baseline", "before.json").code == 0


def test_a_run_goes_on_where_it_was_stopped(llmopt: Llmopt, targets: Targets) -> None:
    assert llmopt("bench-batch", *FAST, "--resume", "samples.jsonl").code == 0
    first = len(targets.simulated.batches)
    assert llmopt("bench-batch", *FAST, "--resume", "samples.jsonl").code == 0
    assert len(targets.simulated.batches) - first < first / 2


def test_lengths_and_arrivals_come_from_a_log(llmopt: Llmopt, targets: Targets) -> None:
    line = '{"timestamp": "2026-05-01T00:00:%06.3fZ", "model": "m", "input_tokens": %d, "output_tokens": 1}\n'
    Path("log.jsonl").write_text("".join(line % (at / 10, 10 if at % 2 else 60) for at in range(400)))
    common = ("bench-batch", "model", "--batch-sizes", "1,4", "--max-time", "3s", "--format", "json")
    document = json.loads(llmopt(*common, "--lengths", "log.jsonl", "--arrivals", "log.jsonl", "--slo-p99", "80ms").out)
    assert {point["seq_len"] for point in document["points"]} == {16, 64}
    assert document["recommended"]["user_rate_per_s"] == pytest.approx(10.0, rel=0.01)


@pytest.mark.parametrize("flag", ["--lengths", "--arrivals", "--baseline"])
def test_a_file_that_is_not_there_is_one_line(flag: str, llmopt: Llmopt, targets: Targets) -> None:
    outcome = llmopt("bench-batch", "model", flag, "nowhere.jsonl")
    assert (outcome.code, outcome.out) == (2, "")
    assert "nowhere.jsonl" in outcome.err
    assert len(outcome.err.splitlines()) <= 2
    assert targets.simulated.batches == []


def test_out_of_memory_at_one_request_is_one_line(llmopt: Llmopt, targets: Targets) -> None:
    targets.simulated = SimulatedTarget(most_requests=0)
    outcome = llmopt("bench-batch", *FAST)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("llmopt: error: not even 1 request of 32 tokens fits in memory")
    assert targets.simulated.closed


def test_one_log_for_lengths_and_arrivals_is_read_once(
    llmopt: Llmopt, targets: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = '{"timestamp": "2026-05-01T00:00:%02dZ", "model": "m", "input_tokens": 60, "output_tokens": 1}\n'
    text = "".join(line % at for at in range(40))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    common = ("bench-batch", "model", "--batch-sizes", "1,4", "--max-time", "2s", "--format", "json")
    outcome = llmopt(*common, "--lengths", "-", "--arrivals", "-")
    assert (outcome.code, outcome.err) == (0, "")
    document = json.loads(outcome.out)
    assert {point["seq_len"] for point in document["points"]} == {64}
    assert document["recommended"]["user_rate_per_s"] == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(("flag", "name"), [("-o", "no/x.json"), ("-o", "."), ("--save-config", "no/batcher.toml")])
def test_a_result_without_a_place_is_told_before_the_work(
    flag: str, name: str, llmopt: Llmopt, targets: Targets
) -> None:
    outcome = llmopt("bench-batch", *FAST, flag, name, "--format", "json")
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{name}: cannot be written: " in outcome.err
    assert f"name another file with {flag}" in outcome.err
    assert targets.factories == []


def test_settings_that_do_not_go_with_the_target_are_left_out(
    llmopt: Llmopt, targets: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPT_MODEL", "gpt-4o")
    own = 'device = "cuda"\nseq-len = "32"\nmax-time = 2\nbatch-sizes = "1,2"\nfail-on-regression = "5%"\n'
    Path("llmopt.toml").write_text(f"[bench-batch]\n{own}")
    Path("x.txt").write_text("one\n")
    assert llmopt("bench-batch", "m:f", "--inputs", "x.txt").code == 0
    assert llmopt("bench-batch", "model").code == 0
    assert (targets.factories[0].spec, targets.factories[1].device) == ("m:f", "cuda")
    typed = llmopt("bench-batch", "m:f", "--device", "cpu")
    assert (typed.code, typed.err.splitlines()[0]) == (
        2,
        "llmopt: error: --device is for models, and m:f is a function",
    )


def test_a_run_that_is_stopped_says_how_to_go_on(
    llmopt: Llmopt, targets: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(SimulatedTarget, "run", interrupted)
    assert llmopt("bench-batch", *FAST, "--resume", "s.jsonl").err == (
        "llmopt: stopped; the same command goes on with s.jsonl\n"
    )
    quiet = llmopt("bench-batch", *FAST, "--resume", "s.jsonl", "-q")
    assert (quiet.code, quiet.out, quiet.err) == (130, "", "")
    assert targets.simulated.closed


def test_progress_is_for_terminals_only(llmopt: Llmopt, targets: Targets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = llmopt("bench-batch", *FAST).err
    assert "loading model" in shown
    assert "100% " in shown
    assert llmopt("bench-batch", *FAST, "-q").err == ""
