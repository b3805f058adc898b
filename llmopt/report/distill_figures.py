"""Every figure of a distillation with all its digits, a row each; for CSV."""

from __future__ import annotations

from llmopt.models.distill.report import DistillReport
from llmopt.models.quality.result import Quality
from llmopt.report.figures import cell
from llmopt.report.table import Cell, Column, Table

_COLUMNS = (
    Column("figure", "figure"),
    Column("teacher", "teacher", "number"),
    Column("student", "student", "number"),
    Column("untrained", "untrained", "number"),
    Column("value", "value", "number"),
    Column("low", "low", "number"),
    Column("high", "high", "number"),
)
_OF_BOTH = ("accuracy", "perplexity", "bits_per_byte")
"""Figures of a quality that each model has one of; the next are of one beside the other."""
_BETWEEN = (
    *("top1_agreement", "topk_agreement", "cosine", "cosine_p5", "rank_correlation", "agreement", "score_error"),
    "kl_nats",
)


def figures_table(report: DistillReport) -> Table:
    """Return teacher's and student's figures, and those between them (`value`) with their intervals."""
    teacher, student, speed, kept = report.teacher_size, report.student_size, report.speed, report.kept
    rows: list[tuple[Cell, ...]] = [
        _pair("parameters", teacher.parameters, student.parameters),
        _pair("layers", teacher.layers, student.layers),
        _pair("hidden_size", teacher.hidden_size, student.hidden_size),
        _pair("size_bytes", teacher.size_bytes, student.size_bytes),
        _pair("latency_p50_s", cell(speed.teacher_p50_s), cell(speed.student_p50_s)),
        _between("speedup", None, *map(cell, (speed.ratio.value, speed.ratio.low, speed.ratio.high))),
        _between(f"{kept.metric} kept", None, *map(cell, (kept.value, kept.low, kept.high))),
        *_quality_rows(report.quality, report.untrained),
    ]
    if report.cost is not None:
        cost = report.cost
        ends = (cost.at_speedup_low, cost.at_speedup_high)
        rows.append(("usd_per_month", cost.price_per_month, cost.at_speedup, None, None, *ends))
    return Table("figures", "Figures", _COLUMNS, tuple(rows))


def _quality_rows(after: Quality, before: Quality | None) -> list[tuple[Cell, ...]]:
    ends = map(cell, (after.drop, after.drop_low, after.drop_high))
    rows = [_between(after.drop_metric, _of(before, "drop"), *ends)]
    rows += [_between(name, _of(before, name), _of(after, name)) for name in _BETWEEN]
    for name in _OF_BOTH:
        teacher, student = _of(after, f"{name}_before"), _of(after, f"{name}_after")
        rows.append(_pair(name, teacher, student, _of(before, f"{name}_after")))
    return [row for row in rows if any(one is not None for one in row[1:])]


def _of(found: Quality | None, name: str) -> Cell:
    return None if found is None else cell(getattr(found, name))


def _pair(name: str, teacher: Cell, student: Cell, untrained: Cell = None) -> tuple[Cell, ...]:
    return (name, teacher, student, untrained, None, None, None)


def _between(name: str, untrained: Cell, value: Cell, low: Cell = None, high: Cell = None) -> tuple[Cell, ...]:
    return (name, None, None, untrained, value, low, high)
