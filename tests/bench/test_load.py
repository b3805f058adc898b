"""Open-loop load: every request is sent when it is due, answered or counted, and timed from when it was due."""

from __future__ import annotations

import asyncio
import threading

from llmopt.bench.load import overhead, run_load
from llmopt.bench.target import LoadPlan
from llmopt.core.target import Predictor
from llmopt.serving.batching.settings import BatchSettings


class Model:
    """Answers with the length of each request; remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.threads: set[int] = set()

    def predict(self, texts: list[str]) -> list[int]:
        self.batches.append(list(texts))
        self.threads.add(threading.get_ident())
        if "x" * 13 in texts:
            raise ValueError("unlucky")
        return [len(text) for text in texts]

    @property
    def predictor(self) -> Predictor:
        return Predictor(self.predict, lambda length: "x" * length, len)


def plan(*lengths: int, gap_s: float = 0.001, settings: BatchSettings | None = None, start_s: float = 0.0) -> LoadPlan:
    arrivals = tuple(start_s + gap_s * number for number in range(len(lengths)))
    return LoadPlan(arrivals, lengths, settings or BatchSettings(4))


def test_every_request_is_answered_and_timed() -> None:
    model = Model()
    run = run_load(model.predictor, plan(3, 5, 8, 2, 1))
    assert sorted(len(text) for batch in model.batches for text in batch) == [1, 2, 3, 5, 8]
    assert len(run.latencies_s) == 5
    assert all(0 < latency < 10 for latency in run.latencies_s)
    assert run.failed == 0
    assert run.elapsed_s >= 0.004
    assert sum(size for size, _, _ in run.batches) == 5
    assert 0 <= run.late_s < 10


def test_what_comes_at_once_runs_together() -> None:
    model = Model()
    run = run_load(model.predictor, plan(*[7] * 6, 9, 7, gap_s=0.0, settings=BatchSettings(8)))
    assert [(size, tokens) for size, tokens, _ in run.batches] == [(8, 72)]
    assert len(set(run.latencies_s)) <= 8


def test_the_settings_are_the_batchers() -> None:
    model = Model()
    settings = BatchSettings(8, max_wait_s=0.005, max_batch_tokens=20)
    run_load(model.predictor, plan(*[10] * 8, gap_s=0.0, settings=settings))
    assert [len(batch) for batch in model.batches] == [2, 2, 2, 2]


def test_a_request_that_fails_is_counted_alone() -> None:
    model = Model()
    run = run_load(model.predictor, plan(1, 13, 2, gap_s=0.0))
    assert run.failed == 1
    assert len(run.latencies_s) == 2


def test_a_model_that_always_fails_answers_nothing() -> None:
    run = run_load(Model().predictor, plan(13, 13))
    assert (run.failed, run.latencies_s, run.elapsed_s) == (2, (), 0.0)


def test_no_queue_is_too_long_for_it() -> None:
    run = run_load(Model().predictor, plan(*[1] * 3_000, gap_s=0.0))
    assert (run.failed, len(run.latencies_s)) == (0, 3_000)


def test_a_plan_may_start_late_and_latency_does_not_count_that() -> None:
    run = run_load(Model().predictor, plan(1, 1, start_s=1_000.0))
    assert max(run.latencies_s) < 10


def test_it_can_be_called_where_a_loop_runs() -> None:
    async def notebook() -> int:
        return len(run_load(Model().predictor, plan(1, 2)).latencies_s)

    assert asyncio.run(notebook()) == 2


def test_the_model_never_runs_in_the_thread_that_waits() -> None:
    model = Model()
    run_load(model.predictor, plan(1, 2, 3))
    assert threading.get_ident() not in model.threads


def test_an_empty_plan_is_over_at_once() -> None:
    run = run_load(Model().predictor, LoadPlan((), (), BatchSettings()))
    assert (run.latencies_s, run.batches, run.failed) == ((), (), 0)


def test_serving_takes_something_besides_the_model() -> None:
    found = overhead()
    assert 0 <= found.batch_s < 1
    assert 0 < found.request_s < 1
