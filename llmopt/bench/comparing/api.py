"""Run models in turn and say how they compare, in one call: what `llmopt.bench.compare` is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from llmopt.bench.callables import CallableFactory
from llmopt.bench.child import ChildTarget
from llmopt.bench.comparing.asked import Asked, Factory, check_there, chosen
from llmopt.bench.comparing.opened import Opening
from llmopt.bench.comparing.result import BenchResult
from llmopt.bench.comparing.rounds import Progress
from llmopt.bench.comparing.run import Surroundings, run
from llmopt.bench.imported import is_callable
from llmopt.models.asleep import wait_asleep
from llmopt.models.factory import ModelFactory

Named = str | os.PathLike[str] | CallableFactory | ModelFactory
"""Folder or hub name of a checkpoint, `module:name` of a function, or how to open one where there is more to say."""

_LONGEST_BATCH_S = 300.0
"""A batch that takes longer, and longer than `max_time_s`, hangs."""


def compare(
    models: Named | Sequence[Named],
    data: str | os.PathLike[str] | None = None,
    *,
    against: Named | None = None,
    batch_size: int | Sequence[int] = 8,
    seq_len: int | Sequence[int] | None = None,
    device: str = "auto",
    dtype: str | None = None,
    task: str | None = None,
    new_tokens: int | None = None,
    attention: str | None = None,
    compile: bool = False,
    trust_remote_code: bool = False,
    price_per_month: Decimal | None = None,
    min_speedup: float | None = None,
    max_quality_drop: float | None = None,
    min_rounds: int = 30,
    max_time_s: float = 120.0,
    ci: float = 0.02,
    seed: int = 0,
    progress: Progress | None = None,
) -> BenchResult:
    """Run models in turn, each in a process of its own, and compare them; `llmopt bench` as a function.

    Args:
        models: one or more: folders (results of `llmopt quantize` too), names in the hub's local cache, or functions
            as `module:name`. All must be for the same task.
        data: file of texts (lines, JSON lines or CSV, with labels or without, packed or not): their answers are
            compared, and requests are as long as they are, unless `seq_len` says otherwise. None: speed only.
        against: the model that the others are compared with, one of `models` or a further one; None: the first.
        batch_size: requests in a batch; several make a shape each.
        seq_len: tokens of a request; several make a shape each. None: those of `data`, or 128 without.
        device: where all of them run: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        dtype: numbers of those given by name; None: as saved. As `ModelFactory` has it; so are the next five.
        task: `embed`, `classify` or `generate`.
        new_tokens: to generate for each request.
        attention: such as `sdpa`.
        compile: through `torch.compile`.
        trust_remote_code: whether Python files of a checkpoint may run.
        price_per_month: dollars that the machines cost which run the base now.
        min_speedup: every model should be so many times as fast as the base (`BenchResult.failures`).
        max_quality_drop: share of quality that may be lost; needs `data`.
        min_rounds: in which each model has its turn, at least.
        max_time_s: for the rounds; loading before and quality after are not counted. Three rounds are made anyway; a
            single batch that takes longer than this, and than five minutes, is given up.
        ci: half of a speed-up's interval, relative to it, that is narrow enough.
        seed: of all that is drawn.
        progress: is told how far it is.

    Raises:
        LlmoptError: a model cannot be opened or fails, the models do not go together, or an argument makes no sense.
        OutOfMemory: not even one of them can run such batches.
    """
    asked = Asked(
        data=None if data is None else os.fspath(data),
        batch_sizes=_several(batch_size),
        seq_lens=() if seq_len is None else _several(seq_len),
        price_per_month=price_per_month,
        min_speedup=min_speedup,
        max_quality_drop=max_quality_drop,
        min_rounds=min_rounds,
        max_time_s=max_time_s,
        ci=ci,
        seed=seed,
    )
    options = ModelFactory("", device, dtype, attention, compile, task, new_tokens, trust_remote_code)
    named = [models] if isinstance(models, str | os.PathLike | CallableFactory | ModelFactory) else models
    candidates = [_factory(model, options) for model in named]
    base = None if against is None else _factory(against, options)
    all_models = chosen(candidates, base)
    check_there(all_models)
    longest_s = max(_LONGEST_BATCH_S, max_time_s)
    around = Surroundings(lambda factory: ChildTarget(Opening(factory), longest_batch_s=longest_s), wait_asleep)
    return run(all_models, asked, around, progress)


def _several(counts: int | Sequence[int]) -> tuple[int, ...]:
    return (counts,) if isinstance(counts, int) else tuple(counts)


def _factory(model: Named, options: ModelFactory) -> Factory:
    """Return how to open what is named, with the options for all where it says nothing itself."""
    if isinstance(model, CallableFactory | ModelFactory):
        return model
    name = os.fspath(model)
    return CallableFactory(name) if is_callable(name) else replace(options, path=name)
