"""`QuantizeReport` for people: what it cost and gained first, then variants, the worst layers, and what was kept."""

from __future__ import annotations

import math

from llmopt.core.money import dollars
from llmopt.core.quantity import duration, significant
from llmopt.core.ratio import Ratio
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.report import CostImpact, QuantizeReport, Speedup
from llmopt.report.figures import plural
from llmopt.report.model_words import (
    about_as_fast,
    change,
    drop_phrase,
    inputs_phrase,
    lost,
    quality_rows,
    size,
    span,
    speed_phrase,
    times,
    times_span,
)
from llmopt.report.quantize_frontier import frontier_plot, frontier_table
from llmopt.report.quantize_layers import kept_table, layers_table, tensors_table, worst_db
from llmopt.report.table import Cell, Column, Note, Report, Table

_VERDICT = (
    Column("figure", "figure"),
    Column("before", "before", "number", priority=2, optional=True),
    Column("after", "after", "number", priority=2, optional=True),
    Column("change", "change", "number"),
    Column("interval", "95% interval", "number", priority=1, optional=True),
)
_QUALITY = (Column("figure", "figure"), Column("value", "value", "number"))
_ON_CPU = "cpu"


def view(report: QuantizeReport, *, max_quality_drop: float | None = None, brief: bool = False) -> Report:
    """Return what was done for people.

    Args:
        report: of the run.
        max_quality_drop: the gate, drawn into the plot; None: there is none.
        brief: without background (how fast it was, how much memory it took).
    """
    tables = [verdict_table(report)]
    if report.quality is not None:
        tables.append(_quality_table(report, report.quality))
    if report.frontier:
        tables.append(frontier_table(report.frontier, max_quality_drop))
    if report.layers:
        tables.append(layers_table(report.layers))
    if report.kept:
        tables.append(kept_table(report.kept))
    plot = frontier_plot(report.frontier, max_quality_drop)
    plots = (plot,) if plot is not None else ()
    notes = tuple(_notes(report, brief=brief))
    return Report(
        "Quantized", headline(report), tuple(tables), notes, plots, csv=tensors_table(report), subject=report.source
    )


def headline(report: QuantizeReport) -> str:
    """Return the answer in a sentence."""
    smaller = change(report.bytes_before, report.bytes_after)
    said = [f"{size(report.bytes_before)} -> {size(report.bytes_after)}{f' ({smaller})' if smaller else ''}"]
    if report.speedup is not None:
        said.append(speed_phrase(_ratio(report.speedup), report.speedup.base))
    if report.quality is not None:
        said.append(drop_phrase(report.quality, texts_of(report)))
    elif (worst := worst_db(report.layers)) is not None:
        said.append(f"weights at {significant(worst)} dB SQNR or better")
    if report.cost is not None and not (report.speedup and about_as_fast(_ratio(report.speedup))):
        said.append(f"{dollars(report.cost.price_per_month)} -> {dollars(report.cost.at_speedup)} a month")
    return f"{report.source} -> {report.destination}, {report.scheme}: {'; '.join(said)}."


def texts_of(report: QuantizeReport) -> str:
    """Return what a text is called that quality was measured on: no choice was made on held-out ones."""
    return "held-out text" if report.target == _ON_CPU else "text"


def verdict_table(report: QuantizeReport) -> Table:
    """Return what changed: sizes, speed against both baselines, quality, dollars."""
    smaller = change(report.bytes_before, report.bytes_after)
    rows: list[tuple[Cell, ...]] = [
        ("weights", size(report.bytes_before), size(report.bytes_after), smaller, None),
    ]
    if report.speedup is not None:
        rows += _speed_rows(report.speedup)
    if report.quality is not None:
        found = report.quality
        rows.append((found.drop_metric, None, None, lost(found.drop), span(found.drop_low, found.drop_high, lost)))
    if report.cost is not None:
        rows.append(_cost_row(report.cost))
    counts = report.tensors
    done = "converted" if report.scheme == "bf16" else "quantized"
    tensors = f"{plural(counts.quantized, 'tensor')} {done}, {counts.kept:,} kept"
    form = f" as {report.format}" if report.format else ""
    return Table("verdict", f"{report.scheme}{form} for {report.target}: {tensors}", _VERDICT, tuple(rows))


def _speed_rows(found: Speedup) -> list[tuple[Cell, ...]]:
    shape = f"{found.batch_size:,} x {plural(found.seq_len, 'token')}"
    ratio, other = _ratio(found), found.against_strongest
    rows: list[tuple[Cell, ...]] = [
        (
            f"time of {shape}, against {found.base}",
            duration(found.base_latency_p50_s),
            duration(found.latency_p50_s),
            times(ratio.value),
            times_span(ratio),
        )
    ]
    if found.strongest != found.base:
        name = f"against {found.strongest}, the fastest FP32 here"
        rows.append((name, None, None, times(other.value), times_span(other)))
    return rows


def _cost_row(found: CostImpact) -> tuple[Cell, ...]:
    less = -found.saved_per_month
    sign = "+" if less > 0 else ""
    return (
        "dollars a month at equal load",
        dollars(found.price_per_month),
        dollars(found.at_speedup),
        f"{sign}{dollars(less)}",
        f"{dollars(found.at_speedup_low)} to {dollars(found.at_speedup_high)}",
    )


def _quality_table(report: QuantizeReport, found: Quality) -> Table:
    title = f"Quality on {inputs_phrase(found, texts_of(report))} ({found.task})"
    notes = tuple(Note(text, "warning") for text in found.warnings if text not in report.warnings)
    return Table("quality", title, _QUALITY, quality_rows(found), notes=notes)


def _notes(report: QuantizeReport, *, brief: bool) -> list[Note]:
    """Return the lines under the tables: background, then warnings, and how to load the result as the last."""
    notes = [] if brief else [Note(line) for line in _background(report)]
    notes += [Note(text, "warning") for text in (*report.warnings, *report.failures)]
    if report.load_line:
        notes += [Note("This loads it:"), Note(report.load_line, "code")]
    return notes


def _background(report: QuantizeReport) -> list[str]:
    rate = (
        f", {significant(report.mb_per_s)} MB/s of weights"
        if report.mb_per_s and math.isfinite(report.mb_per_s)
        else ""
    )
    memory = f"at most {size(report.peak_memory_bytes)} of memory, {size(report.working_memory_bytes)} for the work"
    lines = [f"Done in {duration(report.duration_s)}{rate}, with {memory}."]
    if report.speedup is not None:
        found = report.speedup
        measured = f"{plural(found.rounds, 'round')} in turn on {plural(found.threads, 'thread')}"
        lines.append(f"Speed: median over {measured}; the interval resamples the rounds.")
    if report.cost is not None:
        lines.append("Dollars: the price over the speed-up; machines that are faster are needed fewer times.")
    return lines


def _ratio(found: Speedup) -> Ratio:
    return Ratio(found.value, found.low, found.high)
