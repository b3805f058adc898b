"""The tables of a distillation: teacher and student side by side, quality before and after, and the training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llmopt.core.money import dollars
from llmopt.core.quantity import duration
from llmopt.models.distill.report import Check, DistillReport, Kept, LatencyRatio, ModelSize
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.report import CostImpact
from llmopt.report.figures import plural
from llmopt.report.model_words import (
    accuracy,
    change,
    inputs_phrase,
    lost,
    plain_or_none,
    quality_rows,
    significant_4,
    size,
    span,
    times,
    times_span,
)
from llmopt.report.table import Cell, Column, Note, Table

HELD_OUT = "held-out text"
MOST_CHECKS = 15
"""Checks of the training that people see; JSON has all."""
_VERDICT = (
    Column("figure", "figure"),
    Column("teacher", "teacher", "number", priority=1),
    Column("student", "student", "number", priority=1),
    Column("change", "change", "number"),
    Column("interval", "95% interval", "number", priority=2, optional=True),
)
_QUALITY = (
    Column("figure", "figure"),
    Column("untrained", "before training", "number", priority=1, optional=True),
    Column("trained", "student", "number"),
)
_TRAINING = (
    Column("step", "step", "int"),
    Column("epoch", "epochs", "number", priority=2),
    Column("elapsed_s", "time", "number", priority=1),
    Column("loss", "loss", "number"),
    Column("best", "kept", optional=True),
)
_RATIOS: dict[str, tuple[str, Callable[[float], str]]] = {
    "accuracy": ("accuracy", accuracy),
    "perplexity": ("perplexity", significant_4),
    "bits per byte": ("bits_per_byte", significant_4),
}
"""Metric that is a ratio -> the figures of a quality that it is of, and how they are written."""
_ENDS = {
    "epochs": "after the last epoch",
    "max time": "when the time was over",
    "no gain": "early, as the loss fell no more",
}


def verdict_table(report: DistillReport) -> Table:
    """Return teacher and student side by side: sizes, speed, quality, dollars."""
    rows = [*_size_rows(report.teacher_size, report.student_size), _speed_row(report.speed)]
    rows.append(_kept_row(report.kept, report.quality))
    if report.quality.cosine is not None:
        rows.append(("cosine to the teacher's vector", None, plain_or_none(report.quality.cosine), None, None))
    if report.cost is not None:
        rows.append(_cost_row(report.cost))
    return Table("verdict", f"Teacher and student, {report.student}", _VERDICT, tuple(rows))


def quality_table(report: DistillReport) -> Table:
    """Return how near the student's answers are to the teacher's, before the training and after it."""
    found = report.quality
    before = dict(quality_rows(report.untrained)) if report.untrained is not None else {}
    rows = tuple((name, before.get(name), value) for name, value in quality_rows(found))
    notes = tuple(Note(text, "warning") for text in found.warnings if text not in report.warnings)
    title = f"Quality on {inputs_phrase(found, HELD_OUT)} ({found.task})"
    return Table("quality", title, _QUALITY, rows, notes=notes)


def training_table(report: DistillReport) -> Table:
    """Return the loss on the validation texts while the student was trained."""
    made = report.training
    shown = _thinned(made.checks, made.best_step)
    resumed = f" It was resumed {_often(made.resumed)}." if made.resumed else ""
    notes = [
        Note(f"loss: {report.loss}, mean over {plural(report.data.validation, 'validation text')}."),
        Note(f"The training ended {_ENDS.get(made.ended, f'by {made.ended}')}.{resumed}"),
    ]
    if len(shown) < len(made.checks):
        notes.append(Note(f"{len(made.checks) - len(shown):,} more checks are in JSON."))
    rows = tuple(_check_row(one, made.best_step) for one in shown)
    title = f"Training: {plural(made.steps, 'step')} in {duration(made.training_s)}"
    return Table("training", title, _TRAINING, rows, notes=tuple(notes), detail=True)


def _size_rows(teacher: ModelSize, student: ModelSize) -> list[tuple[Cell, ...]]:
    counts = (teacher.parameters, student.parameters)
    rows: list[tuple[Cell, ...]] = [
        ("parameters", *(f"{count:,}" for count in counts), change(*counts), None),
        ("layers", _whole(teacher.layers), _whole(student.layers), None, None),
        ("width", _whole(teacher.hidden_size), _whole(student.hidden_size), None, None),
    ]
    sizes = (teacher.size_bytes, student.size_bytes)
    rows.append(("weights in float32", *map(size, sizes), change(*sizes), None))
    return [row for row in rows if row[1] is not None or row[2] is not None]


def _speed_row(found: LatencyRatio) -> tuple[Cell, ...]:
    shape = f"time of {found.batch_size:,} x {plural(found.seq_len, 'token')}"
    medians = (duration(found.teacher_p50_s), duration(found.student_p50_s))
    return (shape, *medians, times(found.ratio.value), times_span(found.ratio))


def _kept_row(kept: Kept, quality: Quality) -> tuple[Cell, ...]:
    both = _both(kept, quality)
    return (f"{kept.metric} kept", *both, lost(kept.value), span(kept.low, kept.high, lost))


def _both(kept: Kept, quality: Quality) -> tuple[str | None, str | None]:
    """Return the figure of teacher and student that their ratio is of; None where each has none of its own."""
    if kept.metric not in _RATIOS:
        return None, None
    field, word = _RATIOS[kept.metric]
    teacher, student = (getattr(quality, f"{field}_{side}") for side in ("before", "after"))
    return (None if teacher is None else word(teacher)), (None if student is None else word(student))


def _cost_row(found: CostImpact) -> tuple[Cell, ...]:
    less = -found.saved_per_month
    return (
        "dollars a month at equal load",
        dollars(found.price_per_month),
        dollars(found.at_speedup),
        f"{'+' if less > 0 else ''}{dollars(less)}",
        f"{dollars(found.at_speedup_low)} to {dollars(found.at_speedup_high)}",
    )


def _check_row(one: Check, best_step: int) -> tuple[Cell, ...]:
    best = "these weights" if one.step == best_step else None
    return (one.step, f"{one.epoch:.2f}", duration(one.elapsed_s), significant_4(one.loss), best)


def _thinned(checks: Sequence[Check], best_step: int) -> tuple[Check, ...]:
    """Return checks that are evenly spread, with the first, the best and the last."""
    if len(checks) <= MOST_CHECKS:
        return tuple(checks)
    last = len(checks) - 1
    spread = {round(at * last / (MOST_CHECKS - 1)) for at in range(MOST_CHECKS)}
    return tuple(one for at, one in enumerate(checks) if at in spread or one.step == best_step)


def _whole(value: int | None) -> str | None:
    return None if value is None else f"{value:,}"


def _often(times: int) -> str:
    return "once" if times == 1 else f"{times:,} times"
