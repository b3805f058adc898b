"""Measure a model or a function and say how to batch it, in one call: what `llmopt.bench_batch` is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from llmopt.bench.asked import Asked
from llmopt.bench.callables import CallableFactory, CallableModel
from llmopt.bench.child import ChildTarget
from llmopt.bench.imported import is_callable
from llmopt.bench.local import LocalTarget
from llmopt.bench.report import BenchReport
from llmopt.bench.run import LEAST_S, run
from llmopt.bench.target import Target
from llmopt.cost.traffic import Traffic
from llmopt.errors import UsageError
from llmopt.models.factory import ModelFactory

Named = str | os.PathLike[str] | CallableFactory | ModelFactory
"""What is opened in a process of its own."""
_GRACE = 0.1
"""What a run may take longer before an answer that does not come ends it, as a share."""


def bench_batch(
    target: Named | Callable[[list[Any]], list[Any]] | Target,
    *,
    batch_sizes: Sequence[int] | Literal["auto"] = "auto",
    seq_lens: Sequence[int] = (),
    lengths: Traffic | None = None,
    arrivals: Traffic | None = None,
    rate_per_s: float | None = None,
    slo_p99_s: float | None = None,
    price_per_hour: Decimal | None = None,
    verify: bool = False,
    min_samples: int = 30,
    max_time_s: float = 60.0,
    ci: float = 0.02,
    baseline: Path | None = None,
    threshold: float = 0.05,
    resume: Path | None = None,
    seed: int = 0,
    ray: str | None = None,
) -> BenchReport:
    """Measure a model or a function at many batch sizes and say how to batch it; `llmopt bench-batch` as a function.

    Args:
        target: folder or name of a checkpoint, `module:name`, or a `ModelFactory` where more than the name is to be
            said, run in a process of its own; a function from a list to a list of the same length, run in this one;
            or a target of your own, which is not closed.
        batch_sizes: requests in a batch; `auto` doubles while it helps.
        seq_lens: tokens of a request; empty: 128, or those of a log.
        lengths: a log (`llmopt.cost.traffic.requests`) whose requests have the lengths to expect.
        arrivals: a log whose requests come as is to be expected.
        rate_per_s: your own rate of requests.
        slo_p99_s: bound of the p99, from arrival to answer.
        price_per_hour: dollars for the device.
        verify: run the recommendation open loop.
        min_samples: batches of each shape at least.
        max_time_s: for the whole run.
        ci: half of the throughput's interval, relative to it, that is narrow enough.
        baseline: JSON report of an earlier run to compare with.
        threshold: slow-down against it that is let pass.
        resume: a file that keeps raw samples; a run that was stopped goes on there.
        seed: of all that is drawn.
        ray: `local`, `auto`, HOST:PORT: run what is named on the GPUs (else the hosts) of a Ray cluster.

    Raises:
        LlmoptError: the target cannot be opened or does not do what it should, or an argument makes no sense.
        OutOfMemory: not even a single request fits.
        UsageError: a function of this process is to run on a cluster.
        MissingExtraError: Ray is not installed.
    """
    asked = Asked(
        batch_sizes=batch_sizes,
        seq_lens=seq_lens,
        lengths=lengths,
        arrivals=arrivals,
        rate_per_s=rate_per_s,
        slo_p99_s=slo_p99_s,
        price_per_hour=price_per_hour,
        verify=verify,
        min_samples=min_samples,
        max_time_s=max_time_s,
        ci=ci,
        baseline=baseline,
        threshold=threshold,
        resume=resume,
        seed=seed,
    )
    began = time.monotonic()
    if isinstance(target, str | os.PathLike | CallableFactory | ModelFactory):
        left = remaining(began, max_time_s)
        with _opened(_factory(target), ray, left) as children:
            return run(children, asked, started_s=began)
    if ray is not None:
        raise UsageError("a function of this process cannot run on the hosts of a cluster", 'name it: "module:name"')
    if callable(target):
        name = getattr(target, "__qualname__", type(target).__qualname__)
        with closing(LocalTarget(CallableModel(name, target))) as local:
            return run([local], asked, started_s=began)
    return run([target], asked, started_s=began)


@contextmanager
def _opened(
    factory: CallableFactory | ModelFactory, ray: str | None, left: Callable[[], float]
) -> Iterator[Sequence[ChildTarget]]:
    """Give what is named in a process of its own, here or one at each place of a cluster."""
    if ray is None:
        with closing(ChildTarget(factory, left)) as child:
            yield [child]
        return
    from llmopt.bench import ray_child  # only where it is asked for, since it may not be there

    with ray_child.targets(factory, ray, "auto", left) as children:
        yield children


def remaining(began_s: float, max_time_s: float) -> Callable[[], float]:
    """Return what tells how long an answer may still take: a little more than is left of the run."""
    end_s = began_s + max_time_s * (1 + _GRACE) + LEAST_S
    return lambda: end_s - time.monotonic()


def _factory(target: Named) -> CallableFactory | ModelFactory:
    """Return how to open what is named."""
    if isinstance(target, CallableFactory | ModelFactory):
        return target
    name = os.fspath(target)
    return CallableFactory(name) if is_callable(name) else ModelFactory(name)
