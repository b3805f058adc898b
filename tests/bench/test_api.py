"""`llmopt.bench_batch`: a function of this process, a name, a target of one's own."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

import llmopt
from llmopt.bench.api import remaining
from llmopt.bench.callables import CallableFactory
from llmopt.bench.imported import is_callable
from llmopt.errors import InputError, UsageError
from llmopt.models.factory import ModelFactory
from tests.bench.fake_ray import in_place_of_ray, node
from tests.bench.simulated import SimulatedTarget

QUICK: dict[str, Any] = {"batch_sizes": (1, 2), "min_samples": 3, "max_time_s": 3.0}
PATIENT: dict[str, Any] = {**QUICK, "max_time_s": 120.0}
"""For models that do not open: torch may take longer to load than a quick run."""


def lengths(texts: list[str]) -> list[int]:
    return [len(text) for text in texts]


def test_a_function_runs_in_this_process() -> None:
    report = llmopt.bench_batch(lengths, seq_lens=(4,), slo_p99_s=5.0, **QUICK)
    assert report.sweep.environment.target.name == "lengths"
    assert [point.shape.batch_size for point in report.sweep.points] == [1, 2]
    assert report.recommended is not None
    assert report.slo_p99_s == 5.0


def test_what_a_function_does_wrong_is_told() -> None:
    with pytest.raises(InputError, match="returned 0 results for 1 request"):
        llmopt.bench_batch(lambda texts: texts[1:], **QUICK)


def test_a_name_runs_in_a_process_of_its_own(workdir: Path) -> None:
    (workdir / "mine.py").write_text("def same(texts):\n    return texts\n")
    report = llmopt.bench_batch(str(workdir / "mine.py") + ":same", **QUICK)
    assert report.sweep.environment.target.task == "callable"
    assert all(point.samples >= 3 for point in report.sweep.points)


def test_a_target_of_ones_own_is_used_and_not_closed() -> None:
    target = SimulatedTarget()
    report = llmopt.bench_batch(target, **QUICK)
    assert report.sweep.environment.target.name == "simulated"
    assert target.batches
    assert not target.closed


def test_an_argument_that_makes_no_sense_is_refused(workdir: Path) -> None:
    with pytest.raises(UsageError, match="batch"):
        llmopt.bench_batch(SimulatedTarget(), batch_sizes=(0,))


def test_a_factory_says_more_than_a_name(workdir: Path) -> None:
    (workdir / "mine.py").write_text("def same(texts):\n    return texts\n")
    (workdir / "inputs.txt").write_text("one\ntwo\n")
    kept = workdir / "samples.jsonl"
    report = llmopt.bench_batch(CallableFactory("./mine.py:same", "inputs.txt"), resume=kept, **QUICK)
    assert report.sweep.environment.target.name == "./mine.py:same"
    assert len(kept.read_text().splitlines()) > 6
    with pytest.raises(InputError, match="no such folder"):
        llmopt.bench_batch(ModelFactory("./nowhere", device="cpu"), **PATIENT)


def test_names_with_a_colon_are_functions_unless_there_is_such_a_folder(workdir: Path) -> None:
    assert is_callable("a:b")
    (workdir / "a:b").mkdir()
    assert not is_callable("a:b")
    with pytest.raises(InputError, match=r"no config.json"):
        llmopt.bench_batch("a:b", **PATIENT)


def test_an_answer_may_take_a_little_longer_than_the_run() -> None:
    left_s = remaining(time.monotonic(), 10.0)()
    assert 10.0 < left_s < 15.0


def test_what_is_named_runs_on_the_hosts_of_a_cluster() -> None:
    with in_place_of_ray(sys.modules) as ray:
        ray.nodes_of = [node("a", CPU=2.0), node("b", CPU=2.0)]
        report = llmopt.bench_batch("tests.bench.test_api:lengths", seq_lens=(4, 8), ray="local", **PATIENT)
    assert report.sweep.environment.target.device == "cpu@a,cpu@b"
    assert ray.stopped == 1


def test_a_function_of_this_process_does_not_travel() -> None:
    with pytest.raises(UsageError, match="cannot run on the hosts of a cluster") as caught:
        llmopt.bench_batch(lengths, ray="local", **QUICK)
    assert caught.value.hint == 'name it: "module:name"'
