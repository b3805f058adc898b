"""The models of a comparison as tables: speed and size, each shape, quality, dollars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmopt.bench.comparing.result import BenchResult, ModelResult
from llmopt.core.money import dollars
from llmopt.core.ratio import Ratio
from llmopt.models.quality.result import Quality
from llmopt.report.figures import cell
from llmopt.report.model_words import (
    accuracy,
    inputs_phrase,
    lost,
    plain_or_none,
    share_or_none,
    significant_4,
    span,
    times,
    times_span,
    two_or_none,
    unit_or_none,
)
from llmopt.report.table import Cell, Column, Note, Table

_ALL_SHAPES = "Speed-ups and memory are over all shapes, the other figures of the first one."
_MODELS = (
    Column("name", "model"),
    Column("is_base", "base", "int", machine=True),
    Column("speedup", "speed-up", "number", machine=True),
    Column("speedup_low", "low", "number", machine=True),
    Column("speedup_high", "high", "number", machine=True),
    Column("shown", "speed-up", "number", optional=True, people=True),
    Column("interval", "95% interval", "number", priority=2, optional=True, people=True),
    Column("latency_p50_s", "p50", "duration", unit="ms"),
    Column("latency_p95_s", "p95", "duration", priority=5, optional=True, unit="ms"),
    Column("throughput_per_s", "requests/s", "number", priority=1),
    Column("tokens_per_s", "tokens/s", "number", priority=6, optional=True),
    Column("size_bytes", "size", "bytes", priority=3, optional=True),
    Column("peak_memory_bytes", "memory", "bytes", priority=4, optional=True),
    Column("quality_drop", "drop", "number", machine=True),
    Column("quality_drop_low", "low", "number", machine=True),
    Column("quality_drop_high", "high", "number", machine=True),
    Column("drop_metric", "drop of", machine=True),
    Column("usd_per_month", "USD a month", "money", machine=True),
    Column("reason", "reason", machine=True),
)
_SHAPES = (
    Column("name", "model"),
    Column("batch_size", "batch", "int"),
    Column("seq_len", "tokens", "int"),
    Column("speedup", "speed-up", "number", optional=True),
    Column("interval", "95% interval", "number", priority=2, optional=True),
    Column("latency_p50_s", "p50", "duration", unit="ms"),
    Column("throughput_per_s", "requests/s", "number", priority=1),
    Column("prefill_p50_s", "TTFT", "duration", priority=3, optional=True, unit="ms"),
    Column("decode_p50_s", "TPOT", "duration", priority=3, optional=True, unit="ms"),
    Column("status", "status", priority=4),
)
_QUALITY = (
    Column("name", "model"),
    Column("drop", "drop", "number"),
    Column("interval", "95% interval", "number", priority=1),
    Column("top1_agreement", "top-1 same", "number", priority=2, optional=True),
    Column("topk_agreement", "top-k shared", "number", priority=5, optional=True),
    Column("rank_correlation", "rank correlation", "number", priority=6, optional=True),
    Column("cosine", "cosine", "number", priority=3, optional=True),
    Column("cosine_p5", "5% below", "number", priority=7, optional=True),
    Column("agreement", "same label", "number", priority=2, optional=True),
    Column("accuracy", "accuracy", "number", priority=3, optional=True),
    Column("score_error", "TV distance", "number", priority=6, optional=True),
    Column("perplexity", "perplexity", "number", priority=3, optional=True),
    Column("bits_per_byte", "bits per byte", "number", priority=3, optional=True),
    Column("kl", "KL", "number", priority=4, optional=True),
)
_MONEY = (
    Column("name", "model"),
    Column("price_per_month", "now", "money", priority=1),
    Column("at_speedup", "at its speed", "money"),
    Column("interval", "95% interval", "number", priority=2),
    Column("saved_per_month", "saved", "money"),
)


def models_table(result: BenchResult) -> Table:
    """Return a row a model: the base first."""
    notes = [Note(_ALL_SHAPES)] if len(result.shapes) > 1 else []
    notes += [Note(f"{model.name}: {model.reason}", "warning") for model in result.models if model.reason]
    generates = result.models[0].facts.new_tokens is not None
    columns = tuple(_of_new(column) for column in _MODELS) if generates else _MODELS
    rows = tuple(_model(one, result.base) for one in result.models)
    return Table("models", _title(result), columns, rows, notes=tuple(notes))


def shapes_table(result: BenchResult) -> Table:
    """Return a row a shape and model."""
    rows = tuple(
        (
            model.name,
            one.point.shape.batch_size,
            one.point.shape.seq_len,
            *_speed(one.speedup, base=model.name == result.base),
            cell(one.point.latency_p50_s),
            cell(one.point.throughput_per_s),
            cell(one.point.prefill_p50_s),
            cell(one.point.decode_p50_s),
            one.point.status,
        )
        for at in range(len(result.shapes))
        for model in result.models
        for one in model.shapes[at : at + 1]
    )
    return Table("shapes", "Each shape", _SHAPES, rows)


def quality_table(result: BenchResult) -> Table:
    """Return a row a model whose answers were compared with those of the base."""
    found = [(model.name, model.quality) for model in result.models if model.quality is not None]
    metrics = {quality.drop_metric for _, quality in found}
    columns: tuple[Column, ...] = _QUALITY
    if len(metrics) == 1:
        columns = tuple(replace(one, label=min(metrics)) if one.name == "drop" else one for one in columns)
    told = {
        text: None
        for name, quality in found
        for text in quality.warnings
        if text not in result.warnings and f"{name}: {text}" not in result.warnings
    }
    title = f"Answers beside those of {result.base}, on {inputs_phrase(found[0][1])} ({found[0][1].task})"
    rows = tuple((name, *_quality(quality)) for name, quality in found)
    return Table("quality", title, columns, rows, notes=tuple(Note(text, "warning") for text in told))


def money_table(models: Sequence[ModelResult]) -> Table:
    """Return what the machines cost at the speed of each model, at equal load."""
    rows = tuple(
        (
            one.name,
            one.cost.price_per_month,
            one.cost.at_speedup,
            f"{dollars(one.cost.at_speedup_low)} to {dollars(one.cost.at_speedup_high)}",
            one.cost.saved_per_month,
        )
        for one in models
        if one.cost is not None
    )
    return Table("money", "Dollars a month at equal load", _MONEY, rows)


def ratio_of(model: ModelResult) -> Ratio | None:
    """Return the speed-up of a model over all shapes with its interval; None where it was not measured."""
    if model.speedup is None or model.speedup_low is None or model.speedup_high is None:
        return None
    return Ratio(model.speedup, model.speedup_low, model.speedup_high)


def shapes_phrase(result: BenchResult) -> str:
    """Return what the batches were: `batches of 8 requests of 128 tokens`."""
    sizes = ", ".join(f"{size:,}" for size in dict.fromkeys(shape.batch_size for shape in result.shapes))
    if result.lengths is not None:
        found = result.lengths
        return (
            f"batches of {sizes} requests of {found.shortest:,} to {found.longest:,} tokens (median {found.median:,})"
        )
    if result.models[0].facts.task == "callable":
        return f"batches of {sizes} requests"
    lengths = ", ".join(f"{length:,}" for length in dict.fromkeys(shape.seq_len for shape in result.shapes))
    return f"batches of {sizes} requests of {lengths} tokens"


def _title(result: BenchResult) -> str:
    new_tokens = result.models[0].facts.new_tokens
    more = f", each with {new_tokens:,} new ones" if new_tokens is not None else ""
    said = shapes_phrase(result)
    return f"{said[0].upper()}{said[1:]}{more}"


def _of_new(column: Column) -> Column:
    return replace(column, label="new tokens/s", priority=1) if column.name == "tokens_per_s" else column


def _model(one: ModelResult, base: str | None) -> tuple[Cell, ...]:
    ratio, quality, cost = ratio_of(one), one.quality, one.cost
    return (
        one.name,
        int(one.is_base),
        cell(one.speedup),
        cell(one.speedup_low),
        cell(one.speedup_high),
        *_speed(ratio, base=one.name == base),
        cell(one.latency_p50_s),
        cell(one.latency_p95_s),
        cell(one.throughput_per_s),
        cell(one.tokens_per_s),
        one.size_bytes,
        one.peak_memory_bytes,
        None if quality is None else cell(quality.drop),
        None if quality is None else cell(quality.drop_low),
        None if quality is None else cell(quality.drop_high),
        None if quality is None else quality.drop_metric,
        None if cost is None else cost.at_speedup,
        one.reason or None,
    )


def _speed(ratio: Ratio | None, *, base: bool) -> tuple[Cell, Cell]:
    """Return a speed-up and its interval for people; the base has none."""
    if base:
        return "base", None
    return (None, None) if ratio is None else (times(ratio.value), times_span(ratio))


def _quality(found: Quality) -> tuple[Cell, ...]:
    return (
        lost(found.drop),
        span(found.drop_low, found.drop_high, lost),
        share_or_none(found.top1_agreement),
        share_or_none(found.topk_agreement),
        plain_or_none(found.rank_correlation),
        plain_or_none(found.cosine),
        plain_or_none(found.cosine_p5),
        share_or_none(found.agreement),
        two_or_none(found.accuracy_before, found.accuracy_after, accuracy),
        plain_or_none(found.score_error),
        two_or_none(found.perplexity_before, found.perplexity_after, significant_4),
        two_or_none(found.bits_per_byte_before, found.bits_per_byte_after, significant_4),
        unit_or_none(found.kl_nats, "nats"),
    )
