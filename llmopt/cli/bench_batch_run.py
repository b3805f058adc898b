"""Run `llmopt bench-batch`: open what is to be measured, measure it, show it, and fail where a check does not hold."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from llmopt.bench.report import BenchReport
from llmopt.cli.bench_batch_asked import Numbers, Typed, check, logs, numbers
from llmopt.cli.output import Destination, check_place, save, write
from llmopt.cli.progress import ProgressLine
from llmopt.core.check import Check, failures
from llmopt.errors import CheckFailed
from llmopt.models.factory import ModelFactory
from llmopt.report import bench_batch_json, bench_batch_view
from llmopt.report.text import clean

if TYPE_CHECKING:
    from llmopt.bench.callables import CallableFactory
    from llmopt.bench.child import ChildTarget


def bench(typed: Typed, to: Destination, *, started_s: float | None = None, brief: bool = False) -> None:
    """Do what the user typed.

    Args:
        typed: all options.
        to: where the report goes.
        started_s: when the run began by the monotonic clock; None: now.
        brief: no background in the report.

    Raises:
        LlmoptError: what is wrong with the options, the model, a log or a file.
        CheckFailed: the report is out, and something in it is not as asked for.
    """
    check(typed)
    read = numbers(typed)
    if typed.kind == "url":
        from llmopt.cli.bench_batch_url import bench_url  # a local model needs no HTTP client

        bench_url(typed, read, to, brief=brief)
        return
    if typed.save_config is not None:
        check_place(typed.save_config, "--save-config")
    began = time.monotonic() if started_s is None else started_s
    try:
        with ProgressLine(quiet=to.quiet) as progress:
            report = _measured(typed, read, progress, began)
    except KeyboardInterrupt:
        if typed.resume is not None and not to.quiet:
            sys.stderr.write(f"llmopt: stopped; the same command goes on with {clean(str(typed.resume))}\n")
        raise
    held = _checks(report, typed, read)
    failed = failures(held)
    view, payload = bench_batch_view.view(report, brief=brief), bench_batch_json.payload(report, failed_checks=failed)
    write(view, payload, to, held)
    if typed.save_config is not None:
        _save_config(report, typed.save_config)
    if failed:
        raise CheckFailed("\n".join(failed))


def _measured(typed: Typed, read: Numbers, progress: ProgressLine, began: float) -> BenchReport:
    # numpy, the logs' readers and the model load here and not before a typo is told
    from llmopt.bench.api import remaining
    from llmopt.bench.asked import Asked
    from llmopt.bench.run import run

    lengths, arrivals = logs(typed)
    asked = Asked(
        batch_sizes=read.batch_sizes,
        seq_lens=read.seq_lens,
        lengths=lengths,
        arrivals=arrivals,
        rate_per_s=read.rate_per_s,
        slo_p99_s=read.slo_p99_s,
        price_per_hour=read.price_per_hour,
        verify=typed.verify,
        min_samples=read.min_samples,
        max_time_s=read.max_time_s,
        ci=read.ci,
        baseline=typed.baseline,
        threshold=0.05 if read.threshold is None else read.threshold,
        resume=typed.resume,
        sized=typed.inputs is None,
    )
    progress(0, 0, f"loading {typed.target}")
    left = remaining(began, read.max_time_s)
    with ExitStack() as opened:
        targets = _targets(typed, read, left, opened)
        return run(targets, asked, progress=progress, started_s=began)


def _targets(typed: Typed, read: Numbers, left: Callable[[], float], opened: ExitStack) -> Sequence[ChildTarget]:
    """Return a target for each device, here or in the cluster that `opened` then lets go of."""
    from llmopt.bench.child import ChildTarget

    if typed.ray is None:
        return [opened.enter_context(closing(ChildTarget(factory, left))) for factory in _factories(typed, read)]
    from llmopt.bench import ray_child  # only where it is asked for, since it may not be there

    return opened.enter_context(ray_child.targets(_factory(typed, read), typed.ray, typed.device, left))


def _factories(typed: Typed, read: Numbers) -> Sequence[CallableFactory | ModelFactory]:
    """Return how to open what the user named, once for each device."""
    factory = _factory(typed, read)
    if not isinstance(factory, ModelFactory):
        return [factory]
    from llmopt.bench.devices import device_names

    return [factory.on(name) for name in device_names(typed.device, _visible)]


def _visible() -> int:
    """Return how many GPUs there are."""
    from llmopt.models.device import visible_gpus  # loads torch: only to count GPUs that nobody named

    return visible_gpus()


def _factory(typed: Typed, read: Numbers) -> CallableFactory | ModelFactory:
    """Return how to open what the user named, in a process of its own."""
    from llmopt.bench.callables import CallableFactory

    name = typed.target or ""
    if typed.kind == "callable":
        return CallableFactory(name, None if typed.inputs is None else str(typed.inputs))
    return ModelFactory(
        name,
        device=typed.device,
        dtype=typed.dtype,
        attention=typed.attention,
        compile=typed.compile,
        task=typed.task,
        new_tokens=read.new_tokens,
        trust_remote_code=typed.trust_remote_code,
    )


def _checks(report: BenchReport, typed: Typed, read: Numbers) -> tuple[Check, ...]:
    from llmopt.bench.gates import checks

    return checks(report, allow_noisy=typed.allow_noisy, regression=read.threshold is not None)


def _save_config(report: BenchReport, path: Path) -> None:
    if report.config:
        save(path, report.config)
    else:
        sys.stderr.write(f"llmopt: warning: {clean(str(path))}: nothing was recommended, so nothing is written\n")
