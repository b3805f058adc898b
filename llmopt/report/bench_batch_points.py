"""The points of a sweep as a table and as a plot of throughput against p99."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from llmopt.bench.result import Point, Sweep
from llmopt.report.figures import cell, duration
from llmopt.report.table import Axis, Cell, Column, LimitLine, Note, Plot, PlotPoint, Series, Table
from llmopt.report.text import milliseconds

COLUMNS = (
    Column("batch_size", "batch", "int"),
    Column("seq_len", "tokens", "int"),
    Column("throughput_per_s", "requests/s", "number"),
    Column("throughput_low", "low", "number", priority=8),
    Column("throughput_high", "high", "number", priority=8),
    Column("latency_p50_s", "p50", "duration", priority=1, unit="ms"),
    Column("latency_p95_s", "p95", "duration", priority=4, unit="ms"),
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
"""`p99` is that or `max of n` for people; `padding` is what was processed on top of the requests' own tokens."""


def points_table(sweep: Sweep, notes: Sequence[Note] = ()) -> Table:
    """Return a row a point, by sequence length and batch size; one length goes into the title."""
    lengths = {point.shape.seq_len for point in sweep.points}
    unit = unit_of(sweep)
    columns: tuple[Column, ...] = tuple(
        replace(column, label=column.label.replace("tokens", unit))
        if unit
        else replace(column, machine=True)
        if column.name in ("seq_len", "useful_tokens_per_s")
        else column
        for column in COLUMNS
    )
    title = "Batches"
    if len(lengths) == 1:
        columns = tuple(replace(column, machine=True) if column.name == "seq_len" else column for column in columns)
        title = f"Batches of requests of {next(iter(lengths)):,} {unit}" if unit else "Batches"
    rows = tuple(_row(point) for point in sweep.points)
    return Table("points", title, columns, rows, notes=(*_reasons(sweep.points), *notes))


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
    few = [point for point in measured if point.latency_p99_s is None]
    notes = []
    if few:
        which = "all points" if len(few) == len(measured) else f"{len(few):,} of {len(measured):,} points"
        least = min(point.samples for point in few)
        notes.append(
            Note(f"With fewer than 299 samples there is no p99: {which} show the max of n (n from {least:,}).")
        )
    limits = (LimitLine("y", slo_p99_s * 1000, f"SLO {duration(slo_p99_s)}"),) if slo_p99_s is not None else ()
    label = "p99 of a batch" if len(few) < len(measured) else "max of n of a batch"
    return Plot(
        "throughput-p99",
        "Throughput against p99",
        Axis("throughput", "requests/s"),
        Axis(label, "ms", log=True),
        series,
        limits,
        "batch size",
        tuple(notes),
    )


def unit_of(sweep: Sweep) -> str:
    """Return what lengths are counted in: tokens, words for a function; empty where its requests have no length."""
    if sweep.environment.target.task != "callable":
        return "tokens"
    return "words" if any(point.shape.seq_len > 1 for point in sweep.points) else ""


def p99_or_max(point: Point) -> Cell:
    """Return the p99, or `max of n` where there are too few samples for one."""
    if point.latency_p99_s is not None:
        return cell(point.latency_p99_s)
    most = cell(point.latency_max_s)
    return None if most is None else f"max of {point.samples:,}: {milliseconds(most)}"


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
        cell(point.latency_p50_s),
        cell(point.latency_p95_s),
        cell(point.latency_p99_s),
        cell(point.latency_max_s),
        p99_or_max(point),
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


def _reasons(points: Sequence[Point]) -> list[Note]:
    """Return a note for each reason why points are not ok, with their batch sizes."""
    found: dict[tuple[str, str], list[int]] = {}
    for point in points:
        if point.reason:
            found.setdefault((point.status, point.reason), []).append(point.shape.batch_size)
    notes = []
    for (status, reason), sizes in found.items():
        which = ", ".join(f"{size:,}" for size in dict.fromkeys(sizes))
        notes.append(Note(f"{status}, batch {which}: {reason}"))
    return notes
