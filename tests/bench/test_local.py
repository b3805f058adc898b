"""A target in this process: what it measures of a batch, and what it refuses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from llmopt.bench.local import LocalTarget
from llmopt.bench.target import LoadPlan
from llmopt.core.target import DeviceReading, Predictor, TargetFacts
from llmopt.errors import InputError, UsageError
from llmopt.serving.batching.settings import BatchSettings


class FakeModel:
    """Items are lists of zeros; what happens is written down."""

    def __init__(self, predict: Callable[[list[Any]], Any] = list, new_tokens: int | None = None) -> None:
        self.facts = TargetFacts("fake", "callable", "cuda:0", "NVIDIA Fake", new_tokens=new_tokens)
        self.log: list[str] = []
        self.threads: set[int] = set()
        self.predictor = Predictor(predict=self._noted(predict), item=self._item, length=len)
        self.throttled: tuple[str, ...] = ()

    @property
    def clock(self) -> FakeModel:
        return self

    def _noted(self, predict: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
        def noted(items: list[Any]) -> Any:
            self.log.append("predict")
            self.threads.add(threading.get_ident())
            return predict(items)

        return noted

    def _item(self, tokens: int) -> list[int]:
        self.log.append("item")
        return [0] * tokens

    def start(self) -> None:
        self.log.append("start")

    def synchronize(self) -> None:
        self.log.append("synchronize")

    def read(self) -> DeviceReading:
        self.log.append("read")
        return DeviceReading(0.25, 999, 0.1, 0.15, self.throttled)


def test_requests_are_made_before_the_clock_starts_and_the_device_is_waited_for() -> None:
    model = FakeModel()
    target = LocalTarget(model)
    timing = target.run([3, 5])
    assert model.log == ["item", "item", "start", "predict", "synchronize", "read"]
    assert (timing.useful_tokens, timing.padded_tokens) == (8, 10)
    assert (timing.device_s, timing.prefill_s, timing.decode_s) == (0.25, 0.1, 0.15)
    assert timing.peak_memory_bytes == 999
    assert timing.wall_s > 0
    assert timing.cpu_s >= 0
    target.close()


def test_generated_tokens_are_the_useful_ones() -> None:
    target = LocalTarget(FakeModel(new_tokens=7))
    timing = target.run((3, 5))
    assert (timing.useful_tokens, timing.padded_tokens) == (14, 10)
    target.close()


def test_all_batches_run_in_one_thread_that_is_not_this_one() -> None:
    model = FakeModel()
    target = LocalTarget(model)
    for _ in range(5):
        target.run((1,))
    assert len(model.threads) == 1
    assert threading.get_ident() not in model.threads
    target.close()
    target.close()


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ([1], "fake returned 1 results for 2 requests"),
        ([1, 2, 3], "fake returned 3 results for 2 requests"),
        ([], "fake returned 0 results"),
        (None, "fake returned NoneType, not a list"),
        ((1, 2), "fake returned tuple, not a list"),
    ],
)
def test_another_number_of_results_is_refused(result: Any, message: str) -> None:
    target = LocalTarget(FakeModel(lambda items: result))
    with pytest.raises(InputError, match=message) as caught:
        target.run((1, 1))
    assert caught.value.hint
    target.close()


def test_a_device_that_fails_is_told_in_one_line() -> None:
    def fails(items: list[Any]) -> list[Any]:
        raise RuntimeError("CUDA error: an illegal memory access\nmore")

    target = LocalTarget(FakeModel(fails))
    with pytest.raises(InputError, match=r"^fake: a batch of 2 with up to 5 tokens failed: CUDA error: .* access$"):
        target.run((3, 5))
    target.close()


def test_a_model_that_empties_its_list_of_requests_is_measured_all_the_same() -> None:
    def emptied(items: list[Any]) -> list[Any]:
        results = items[:]
        items.clear()
        return results

    target = LocalTarget(FakeModel(emptied))
    timing = target.run((3, 5))
    assert (timing.useful_tokens, timing.padded_tokens) == (8, 10)
    target.close()


def test_a_batch_of_nothing_is_refused() -> None:
    target = LocalTarget(FakeModel())
    with pytest.raises(UsageError, match="no requests"):
        target.run(())
    target.close()


def test_what_held_a_gpu_back_is_counted() -> None:
    model = FakeModel()
    target = LocalTarget(model)
    assert target.facts() == model.facts
    target.run((1,))
    model.throttled = ("software power cap",)
    target.run((1,))
    target.run((1,))
    assert target.facts().device_state == (("batches held back by", "software power cap in 2 of 3"),)
    target.close()


def test_a_plan_is_served_by_the_same_model() -> None:
    model = FakeModel()
    target = LocalTarget(model)
    run = target.load(LoadPlan((0.0, 0.001, 0.002), (1, 2, 3), BatchSettings(max_batch_size=2)))
    assert (run.failed, len(run.latencies_s)) == (0, 3)
    assert "predict" in model.log
    target.close()
