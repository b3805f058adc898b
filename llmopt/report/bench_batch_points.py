"""The points of a sweep as a table and as a plot of throughput against p99."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from llmopt.bench.result import Point, Sweep
from llmopt.core.quantity import duration
from llmopt.report.figures import MAX_OF_N, cell, half_width, p99_or_max
from llmopt.report.table import Axis, Cell, Column, LimitLine, Note, Plot, PlotPoint, Series, Table

COLUMNS = (
    Column("batch_size", "batch", "int"),
    Column("seq_len", "tokens", "int"),
    Column("throughput_per_s", "requests/s", "number"),
    Column("throughput_low", "low", "number", machine=True),
    Column("throughput_high", "high", "number", machine=True),
    Column("interval", "+/-", "percent", priority=8, people=True),
    Column("latency_p50_s", "p50", "duration", priority=1, unit="ms"),
    Column("latency_p95_s", "p95", "duration", priority=4, optional=True, unit="ms"),
    Column("latency_p99_s", "p99", "duration", machine=True, unit="ms"),
    Column("latency_max_s", "max", "duration", machine=True, unit="ms"),
    Column("p99", "p99", "duration", unit="ms", people=True),
    Column("prefill_p50_s", "TTFT", "duration", priority=2, optional=True, unit="ms"),
    Column("decode_p50_s", "TPOT", "duration", priority=2, optional=True, unit="ms"),
    Column("device_p50_s", "device p50", "duration", priority=9, optional=True, unit="ms"),
    Column("useful_tokens_per_s", "tokens/s", "number", priority=6),
    Column("padding", "padding", "percent", priority=7, optional=True),
    Column("peak_memory_bytes", "memory", "bytes", priority=7, optional=True),
    Column("samples", "samples", "int", priority=5),
    Column("status", "status", priority=3),
    Column("reason", "reason", machine=True),
)
"""For people, `+/-` is half the width of the throughput's interval, and `p99` that or `max of n`; `padding` is what
was processed on top of the requests' own tokens."""


def points_table(sweep: Sweep) -> Table:
    """Return a row a point, by sequence length and batch size; one length goes into the title."""
    lengths = {point.shape.seq_len for point in sweep.points}
    unit = unit_of(sweep)
    columns = tuple(_worded(column, sweep, unit) for column in COLUMNS)
    title = "Batches"
    if len(lengths) == 1:
        columns = tuple(replace(column, machine=True) if column.name == "seq_len" else column for column in columns)
        title = _title(sweep, next(iter(lengths)), unit)
    rows = tuple(_row(point) for point in sweep.points)
    return Table("points", title, columns, rows, notes=(*_few(sweep.points), *_reasons(sweep.points)))


def throughput_plot(sweep: Sweep, slo_p99_s: float | None) -> Plot:
    """Return throughput against p99, a series a sequence length, with the SLO as a line where there is one."""
    measured = [
        point for point in sweep.points if point.throughput_per_s is not None and point.latency_max_s is not None
    ]
    lengths = sorted({point.shape.seq_len for point in measured})
    unit = unit_of(sweep)
    series = tuple(
        Series(
            f"{length:,} {unit}" if unit else "",
            _places(point for point in measured if point.shape.seq_len == length),
        )
        for length in lengths
    )
    limits = (LimitLine("y", slo_p99_s * 1000, f"SLO {duration(slo_p99_s)}"),) if slo_p99_s is not None else ()
    exact = {point.latency_p99_s is not None for point in measured}
    drawn = " or ".join(["p99"] * (True in exact) + ["max of n"] * (False in exact))
    return Plot(
        "throughput-p99",
        "Throughput against p99",
        Axis("throughput", "requests/s"),
        Axis(f"{drawn} of a batch", "ms", log=True),
        series,
        limits,
        "batch size",
    )


def unit_of(sweep: Sweep) -> str:
    """Return what lengths are counted in: tokens, words for a function; empty where its requests have no length."""
    if sweep.environment.target.task != "callable":
        return "tokens"
    return "words" if any(point.shape.seq_len > 1 for point in sweep.points) else ""


def _worded(column: Column, sweep: Sweep, unit: str) -> Column:
    """Return a column under the name of what is counted here; for machines only where nothing is."""
    if column.name not in ("seq_len", "useful_tokens_per_s"):
        return column
    if sweep.environment.target.new_tokens is not None:
        return replace(column, label="prompt" if column.name == "seq_len" else "new tokens/s")
    return replace(column, label=column.label.replace("tokens", unit)) if unit else replace(column, machine=True)


def _title(sweep: Sweep, length: int, unit: str) -> str:
    new_tokens = sweep.environment.target.new_tokens
    if new_tokens is not None:
        return f"Batches of prompts of {length:,} tokens, each with {new_tokens:,} new ones"
    return f"Batches of requests of {length:,} {unit}" if unit else "Batches"


def _places(points: Iterable[Point]) -> tuple[PlotPoint, ...]:
    return tuple(
        PlotPoint(
            point.throughput_per_s or 0.0,
            1000 * (point.latency_p99_s or point.latency_max_s or 0.0),
            str(point.shape.batch_size),
        )
        for point in points
    )


def _row(point: Point) -> tuple[Cell, ...]:
    padding = None
    if point.prefill_p50_s is None and point.useful_tokens and point.padded_tokens >= point.useful_tokens:
        padding = Decimal(point.padded_tokens - point.useful_tokens) / point.useful_tokens
    return (
        point.shape.batch_size,
        point.shape.seq_len,
        cell(point.throughput_per_s),
        cell(point.throughput_low),
        cell(point.throughput_high),
        half_width(point.throughput_low, point.throughput_high, point.throughput_per_s),
        cell(point.latency_p50_s),
        cell(point.latency_p95_s),
        cell(point.latency_p99_s),
        cell(point.latency_max_s),
        p99_or_max(point.latency_p99_s, point.latency_max_s, point.samples),
        cell(point.prefill_p50_s),
        cell(point.decode_p50_s),
        cell(point.device_p50_s),
        cell(point.useful_tokens_per_s),
        padding,
        point.peak_memory_bytes,
        point.samples,
        point.status,
        point.reason or None,
    )


def _few(points: Sequence[Point]) -> list[Note]:
    """Return a note on what stands in for a p99, where something does."""
    if all(point.latency_p99_s is not None or point.latency_max_s is None for point in points):
        return []
    return [Note(MAX_OF_N)]


def _reasons(points: Sequence[Point]) -> list[Note]:
    """Return a note for each reason why points are not ok, with their batch sizes; noisy ones are counted."""
    notes = []
    noisy = sum(point.status == "noisy" for point in points)
    if noisy:
        which = "all" if noisy == len(points) else f"{noisy:,} of {len(points):,}"
        notes.append(Note(f"noisy: other work ran beside {which} of these shapes; their times may be too long."))
    found: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        if point.reason and point.status != "noisy":
            found.setdefault((point.status, point.reason), []).append(point)
    several = len({point.shape.seq_len for point in points}) > 1
    for (status, reason), group in found.items():
        which = ", ".join(
            f"{point.shape.batch_size:,} x {point.shape.seq_len:,}" if several else f"{point.shape.batch_size:,}"
            for point in group
        )
        notes.append(Note(f"{status}, batch {which}: {reason}"))
    return notes
