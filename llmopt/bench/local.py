"""A target in this process: runs batches of a `LocalModel` and times them as a server would see them.

Batches are run by one thread of the target's own, as a batcher would: torch keeps a pool of workers for each thread
that calls it (OpenMP), and making one is paid once. The clock runs in that thread, so that handing a batch over is not
part of its time; requests are made before the clock starts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from llmopt.bench.target import LoadPlan, LoadRun
from llmopt.core.batch import BatchTiming
from llmopt.core.target import LocalModel, TargetFacts
from llmopt.errors import InputError, UsageError
from llmopt.models.exhaustion import first_line


class LocalTarget:
    """A `llmopt.bench.target.Target` of a model in this process.

    Args:
        model: a checkpoint or a callable.
    """

    def __init__(self, model: LocalModel) -> None:
        self._model = model
        self._facts = model.facts
        self._batches = 0
        self._throttled: Counter[str] = Counter()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="llmopt-model")

    def facts(self) -> TargetFacts:
        """Return what the model says of itself, and what held its GPU back while batches ran."""
        facts = self._model.facts
        told = ", ".join(f"{reason} in {times} of {self._batches}" for reason, times in self._throttled.items())
        return replace(facts, device_state=(*facts.device_state, ("batches held back by", told))) if told else facts

    def run(self, lengths: Sequence[int]) -> BatchTiming:
        """Run one batch of requests with these lengths (tokens).

        Raises:
            OutOfMemory: the batch does not fit.
            InputError: the model or its device fails, or it returns something else than one result a request.
            UsageError: no requests.
        """
        if not lengths:
            raise UsageError("a batch of no requests cannot be run")
        return self._worker.submit(self._timed, tuple(lengths)).result()

    def load(self, plan: LoadPlan) -> LoadRun:
        """Serve a plan with an `AdaptiveBatcher` and return what came of it."""
        from llmopt.bench.load import run_load

        return run_load(self._model.predictor, plan)

    def ask(self, name: str, *arguments: Any) -> Any:
        """Call another method of the model, in the thread that runs its batches, and return what it returns.

        Args:
            name: of the method.
            arguments: as it takes them.

        Raises:
            InputError: the model or its device fails.
        """
        return self._worker.submit(self._told, name, arguments).result()

    def close(self) -> None:
        """End the thread; a batch that runs is waited for."""
        self._worker.shutdown()

    def _timed(self, lengths: tuple[int, ...]) -> BatchTiming:
        predictor, clock = self._model.predictor, self._model.clock
        items = [predictor.item(length) for length in lengths]
        sizes = [predictor.length(item) for item in items]
        try:
            clock.start()
            cpu_ns, wall_ns = time.process_time_ns(), time.perf_counter_ns()
            results = predictor.predict(items)
            clock.synchronize()
            wall_ns, cpu_ns = time.perf_counter_ns() - wall_ns, time.process_time_ns() - cpu_ns
            reading = clock.read()
        except RuntimeError as error:  # of torch: a GPU that failed, or a model that cannot compute such a shape
            raise self._failure(lengths, error) from error
        check_results(results, len(sizes), self._facts.name)  # who was called may have emptied the list of items
        self._batches += 1
        self._throttled.update(reading.throttled)
        new_tokens = self._facts.new_tokens
        return BatchTiming(
            wall_s=wall_ns / 1e9,
            cpu_s=cpu_ns / 1e9,
            useful_tokens=sum(sizes) if new_tokens is None else len(sizes) * new_tokens,
            padded_tokens=max(sizes) * len(sizes),
            device_s=reading.device_s,
            prefill_s=reading.prefill_s,
            decode_s=reading.decode_s,
            peak_memory_bytes=reading.peak_memory_bytes,
        )

    def _told(self, name: str, arguments: tuple[Any, ...]) -> Any:
        try:
            return getattr(self._model, name)(*arguments)
        except RuntimeError as error:  # of torch, as above
            raise InputError(
                f"{self._facts.name}: {name} failed: {first_line(error)}", "try it with fewer or shorter texts"
            ) from error

    def _failure(self, lengths: tuple[int, ...], error: RuntimeError) -> InputError:
        batch = f"a batch of {len(lengths)} with up to {max(lengths)} tokens"
        return InputError(
            f"{self._facts.name}: {batch} failed: {first_line(error)}", "run such a batch by itself to see more"
        )


def check_results(results: Any, wanted: int, name: str) -> None:
    """Refuse what is not one result a request.

    Raises:
        InputError: the number is another one, or there is none.
    """
    if not isinstance(results, list):
        raise InputError(
            f"{name} returned {type(results).__name__}, not a list", "return a list with one result for each request"
        )
    if len(results) != wanted:
        raise InputError(
            f"{name} returned {len(results)} results for {wanted} requests",
            "return one result for each request, in their order",
        )
