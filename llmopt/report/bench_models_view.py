"""`BenchResult` for people: the models, their answers, the dollars, and in words what each gains and loses."""

from __future__ import annotations

from llmopt.bench.comparing.result import BenchResult, ModelResult
from llmopt.core.money import dollars
from llmopt.core.quantity import duration, requests_per_s
from llmopt.report.bench_models_chart import charts
from llmopt.report.bench_models_tables import (
    models_table,
    money_table,
    quality_table,
    ratio_of,
    shapes_phrase,
    shapes_table,
)
from llmopt.report.figures import plural
from llmopt.report.model_words import about_as_fast, change, drop_phrase, size, speed_phrase
from llmopt.report.table import Note, Report


def view(result: BenchResult, *, brief: bool = False) -> Report:
    """Return a comparison for people.

    Args:
        result: what was found.
        brief: without background (how it was measured, with what).
    """
    tables = [models_table(result)]
    if len(result.shapes) > 1:
        tables.append(shapes_table(result))
    if any(model.quality is not None for model in result.models):
        tables.append(quality_table(result))
    if any(model.cost is not None for model in result.models):
        tables.append(money_table(result.models))
    notes = tuple(_notes(result, brief=brief))
    return Report("Models in turn", headline(result), tuple(tables), notes, charts=charts(result))


def headline(result: BenchResult) -> str:
    """Return the answer in a sentence: of the only other model, or of the fastest one."""
    others = [model for model in result.models if model.name != result.base]
    if result.base is None or not others:
        return _alone(result, result.models[0])
    best = max(others, key=lambda model: model.speedup or 0.0)
    said = verdict(result, best)
    if len(others) == 1:
        return said
    if (best.speedup or 0.0) <= 1:
        return f"None is faster than {result.base}. The next: {said}"
    return f"The fastest of {len(result.models):,} is {said}"


def verdict(result: BenchResult, model: ModelResult) -> str:
    """Return what a model gains and loses against the base, in a sentence."""
    ratio, base = ratio_of(model), result.model(result.base or model.name)
    said = [speed_phrase(ratio, base.name) if ratio is not None else f"its speed is not known ({model.reason})"]
    if model.quality is not None:
        said.append(drop_phrase(model.quality))
    if model.size_bytes is not None and base.size_bytes is not None:
        said.append(_changed(base.size_bytes, model.size_bytes, "on disk"))
    if model.peak_memory_bytes is not None and base.peak_memory_bytes is not None:
        said.append(_changed(base.peak_memory_bytes, model.peak_memory_bytes, "of memory"))
    if model.cost is not None and ratio is not None and not about_as_fast(ratio):
        said.append(f"{dollars(model.cost.price_per_month)} -> {dollars(model.cost.at_speedup)} a month")
    return f"{model.name}: {'; '.join(said)}."


def _alone(result: BenchResult, model: ModelResult) -> str:
    if model.latency_p50_s is None or model.throughput_per_s is None:
        return f"{model.name}: not measured ({model.reason or 'no batch ran'})."
    rate = requests_per_s(model.throughput_per_s)
    batches = shapes_phrase(result).removeprefix("batches of ")
    return f"{model.name}: {duration(model.latency_p50_s)} for {batches}, {rate}."


def _changed(before: int, after: int, what: str) -> str:
    by = change(before, after)
    return f"{size(before)} -> {size(after)} {what}{f' ({by})' if by else ''}"


def _notes(result: BenchResult, *, brief: bool) -> list[Note]:
    """Return the lines under the tables: background, then warnings, then a verdict a model as the last."""
    notes = [] if brief else [Note(line) for line in _background(result)]
    noise = result.environment.noise
    notes += [Note(text, "warning") for text in (*result.warnings, *result.failures)]
    if not noise.quiet:
        notes.append(Note(f"The machine was not quiet: {'; '.join(noise.reasons)}.", "warning"))
    others = [model for model in result.models if model.name != result.base]
    if result.base is not None and len(others) > 1:
        notes += [Note(verdict(result, model)) for model in others]
    return notes


def _background(result: BenchResult) -> list[str]:
    order = ", the models of each in random order" if len(result.models) > 1 else ""
    lines = [f"{plural(result.rounds, 'round')}{order}. {_memory(result)}"]
    found = result.environment
    facts = found.target
    said = [facts.task, facts.device_name, plural(facts.threads, "thread") if facts.threads is not None else ""]
    said += [f"{name} {version}" for name, version in (*facts.versions, *facts.device_state)]
    said += [found.platform, f"Python {found.python}", plural(found.cpu_count, "CPU"), f"llmopt {found.llmopt}"]
    lines.append(f"Measured in {duration(result.elapsed_s)}: {', '.join(filter(None, said))}.")
    return lines


def _memory(result: BenchResult) -> str:
    libraries = [model.memory.libraries_bytes for model in result.models if model.memory.libraries_bytes is not None]
    if any(model.memory.device_peak_bytes is not None for model in result.models):
        return "Memory: the most that a model's tensors took on the device."
    more = f"; up to {size(max(libraries))} of it before the model was loaded" if libraries else ""
    return f"Memory: the most that a model's own process held{more}."
