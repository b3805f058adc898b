"""From the turns of all models to the figures of a result, with what to know before believing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmopt.bench.comparing import checks
from llmopt.bench.comparing.asked import Asked
from llmopt.bench.comparing.judge import Verdict
from llmopt.bench.comparing.opened import Asking, Details
from llmopt.bench.comparing.ratios import at_shape, overall
from llmopt.bench.comparing.requests import Requests, lengths_told
from llmopt.bench.comparing.result import BenchResult, Measured, Memory, ModelResult
from llmopt.bench.comparing.rounds import Rounds
from llmopt.bench.comparing.turns import Turns
from llmopt.bench.environment import environment
from llmopt.bench.result import Noise
from llmopt.core.ratio import Ratio
from llmopt.core.target import TargetFacts
from llmopt.models.auto.impact import impact

_ITSELF = Ratio(1.0, 1.0, 1.0)
_UNSETTLED = 0.1
"""Share of turns before which something still ran, from which on it is told."""


@dataclass(frozen=True, slots=True)
class State:
    """What the process of a model told after the last round."""

    facts: TargetFacts
    memory: Memory
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a result is made of; a value for each model, the base first."""

    names: Sequence[str]
    states: Sequence[State]
    verdicts: Sequence[Verdict]
    """Of each model but the base."""
    rounds: Rounds
    noise: Noise
    requests: Sequence[Requests]
    warnings: Sequence[str]
    """Of reading the data."""


def state(target: Asking, turns: Sequence[Turns], details: Details, facts: TargetFacts) -> State:
    """Return what the process of a model says now; of one that died, what was known of it.

    Args:
        target: the model.
        turns: what it did.
        details: what opening it took.
        facts: what it said when it was opened.
    """
    alive = all(one.open for one in turns)
    ran = max((one.peak_bytes for one in turns), default=0) or None
    on_gpu = facts.device.startswith("cuda")
    mark = target.ask("peak_bytes") if alive else None
    known = [size for size in (mark, None if on_gpu else ran) if size is not None]
    memory = Memory(
        libraries_bytes=details.libraries_bytes,
        loaded_bytes=details.loaded_bytes,
        loading_peak_bytes=details.loading_peak_bytes,
        running_peak_bytes=max(known, default=None),
        device_peak_bytes=ran if on_gpu else None,
    )
    return State(target.facts() if alive else facts, memory, details.size_bytes)


def result(parts: Parts, asked: Asked, elapsed_s: float) -> BenchResult:
    """Return the result of a comparison.

    Args:
        parts: what it is made of.
        asked: by the user.
        elapsed_s: of the whole run.
    """
    models = tuple(_model(parts, asked, at) for at in range(len(parts.names)))
    bounds = asked.min_speedup, asked.max_quality_drop
    return BenchResult(
        models=models,
        base=parts.names[0] if len(models) > 1 else None,
        shapes=tuple(each.shape for each in parts.requests),
        lengths=lengths_told(parts.requests),
        rounds=parts.rounds.done,
        environment=environment(parts.states[0].facts, parts.noise),
        data=asked.data,
        price_per_month=asked.price_per_month,
        min_speedup=asked.min_speedup,
        max_quality_drop=asked.max_quality_drop,
        failures=checks.failures(models, *bounds),
        warnings=(*parts.warnings, *_warnings(parts, asked, models), *checks.unsure(models, asked.min_speedup)),
        elapsed_s=elapsed_s,
    )


def _model(parts: Parts, asked: Asked, at: int) -> ModelResult:
    turns, told = parts.rounds.models[at], parts.states[at]
    is_base = at == 0 and len(parts.names) > 1
    ratio = _ITSELF if is_base else overall(parts.rounds.models[0], turns) if at else None
    shapes = tuple(_measured(parts, at, place) for place in range(len(turns)))
    first = shapes[0].point
    verdict = parts.verdicts[at - 1] if at else Verdict(None)
    peak = told.memory.device_peak_bytes or told.memory.peak_bytes
    return ModelResult(
        name=parts.names[at],
        is_base=is_base,
        facts=told.facts,
        latency_p50_s=first.latency_p50_s,
        latency_p95_s=first.latency_p95_s,
        throughput_per_s=first.throughput_per_s,
        tokens_per_s=None if told.facts.task == "callable" else first.useful_tokens_per_s,
        size_bytes=told.size_bytes,
        peak_memory_bytes=peak,
        speedup=ratio.value if ratio else None,
        speedup_low=ratio.low if ratio else None,
        speedup_high=ratio.high if ratio else None,
        memory=told.memory,
        shapes=shapes,
        quality=verdict.quality,
        cost=impact(asked.price_per_month, ratio) if asked.price_per_month is not None and ratio and at else None,
        reason=_reason(turns, verdict, parts.rounds.models[0] if at else ()),
    )


def _measured(parts: Parts, at: int, place: int) -> Measured:
    base, own = parts.rounds.models[0][place], parts.rounds.models[at][place]
    ratio = at_shape(base, own) if at else _ITSELF if len(parts.names) > 1 and own.turns_s else None
    return Measured(own.series.made(parts.rounds.readings), tuple(own.turns_s), ratio)


def _reason(turns: Sequence[Turns], verdict: Verdict, base: Sequence[Turns]) -> str:
    """Return why figures are missing."""
    lost = [one.series.reason for one in turns if not one.open]
    lost += [f"the base: {one.series.reason}" for one in base if not one.open]
    return "; ".join(dict.fromkeys((*lost, *filter(None, [verdict.reason]))))


def _warnings(parts: Parts, asked: Asked, models: Sequence[ModelResult]) -> Iterator[str]:
    rounds = parts.rounds
    if rounds.done < asked.min_rounds:
        yield f"the time was up after {rounds.done} rounds, {asked.min_rounds} were wanted: raise --max-time"
    turns = rounds.done * sum(len(model) for model in rounds.models)
    if rounds.unsettled > _UNSETTLED * turns:
        yield (
            f"threads of a model still ran at the beginning of {rounds.unsettled} of {turns} turns of others, "
            "whose times hold that; measure each by itself to be sure"
        )
    for model in models:
        if model.reason:
            yield f"{model.name}: {model.reason}"
        yield from (f"{model.name}: {line}" for line in (model.quality.warnings if model.quality else ()))
    if asked.data is None and len(models) > 1 and models[0].facts.task != "callable":
        yield "speed only: without --data FILE of real inputs nothing is known of quality"
    if _tokens_differ(parts.requests) and models[0].facts.task == "generate":
        yield "the models cut texts into different tokens, so tokens a second are not the same work"


def _tokens_differ(requests: Sequence[Requests]) -> bool:
    lengths = requests[0].lengths
    return any(own != lengths[0] for own in lengths[1:])
