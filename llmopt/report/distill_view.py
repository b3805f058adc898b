"""`DistillReport` for people: teacher and student side by side first, then quality and the course of the training."""

from __future__ import annotations

from llmopt.core.money import dollars
from llmopt.core.quantity import duration, significant
from llmopt.models.distill.report import DistillReport, Training
from llmopt.report.distill_figures import figures_table
from llmopt.report.distill_tables import HELD_OUT, quality_table, training_table, verdict_table
from llmopt.report.figures import plural
from llmopt.report.model_words import (
    about_as_fast,
    change,
    count,
    inputs_phrase,
    lost,
    plain_or_none,
    span,
    speed_phrase,
)
from llmopt.report.table import Note, Report

_KEPT = {
    "accuracy": "{} of the teacher's accuracy kept",
    "labels": "{} of the teacher's labels kept",
    "nearest neighbours": "{} of nearest neighbours kept",
    "perplexity": "{} of the teacher's quality kept, by perplexity",
    "bits per byte": "{} of the teacher's quality kept, by bits per byte",
}
"""Metric -> how the share is said."""


def view(report: DistillReport, *, brief: bool = False) -> Report:
    """Return what was done for people.

    Args:
        report: of the run.
        brief: without background (what it learned from, how long that took).
    """
    tables = [verdict_table(report), quality_table(report)]
    if report.training.checks:
        tables.append(training_table(report))
    notes = tuple(_notes(report, brief=brief))
    return Report("Distilled", headline(report), tuple(tables), notes, csv=figures_table(report))


def headline(report: DistillReport) -> str:
    """Return the answer in a sentence."""
    teacher, student = report.teacher_size, report.student_size
    smaller = change(teacher.parameters, student.parameters)
    sizes = f"{count(teacher.parameters)} -> {count(student.parameters)} parameters"
    said = [f"{sizes}{f' ({smaller})' if smaller else ''}", speed_phrase(report.speed.ratio, "the teacher")]
    said.append(_kept_phrase(report))
    if report.cost is not None and not about_as_fast(report.speed.ratio):
        said.append(f"{dollars(report.cost.price_per_month)} -> {dollars(report.cost.at_speedup)} a month")
    return f"{teacher.name} -> {report.destination or 'a student'}, {report.student}: {'; '.join(said)}."


def _kept_phrase(report: DistillReport) -> str:
    kept, found = report.kept, report.quality
    phrase = _KEPT.get(kept.metric, "{} of " + kept.metric + " kept").replace("{}", lost(kept.value), 1)
    cosine = plain_or_none(found.cosine)
    more = f", mean cosine {cosine}" if cosine else ""
    return f"{phrase} ({span(kept.low, kept.high, lost)}, {inputs_phrase(found, HELD_OUT)}){more}"


def _notes(report: DistillReport, *, brief: bool) -> list[Note]:
    """Return the lines under the tables: background, then warnings, and how to load the result as the last."""
    notes = [] if brief else [Note(line) for line in _background(report)]
    notes += [Note(text, "warning") for text in (*report.warnings, *report.failures)]
    if report.load_line:
        notes += [Note("This loads it:"), Note(report.load_line, "code")]
    return notes


def _background(report: DistillReport) -> list[str]:
    lines = [_data_line(report), _training_line(report.training)]
    measured = f"{plural(report.speed.rounds, 'round')} in turn on {plural(report.speed.threads, 'thread')}"
    lines.append(f"Speed: median over {measured}; the interval resamples the rounds.")
    if report.cost is not None:
        lines.append("Dollars: the price over the speed-up; machines that are faster are needed fewer times.")
    return lines


def _data_line(report: DistillReport) -> str:
    used = report.data
    labelled = f" ({used.labelled:,} with a label)" if report.loss == "kd" else ""
    line = f"Learned from {plural(used.train, 'text')}{labelled}; {used.validation:,} more said when to stop"
    line += f"; judged on {used.held_out:,} that neither has seen."
    left = [plural(used.repeated, "repeat")] if used.repeated else []
    left += [plural(used.near_duplicates, "near duplicate")] if used.near_duplicates else []
    return f"{line} Left out: {', '.join(left)}." if left else line


def _training_line(made: Training) -> str:
    rate = f", {significant(made.tokens / made.training_s)} a second" if made.training_s > 0 and made.tokens else ""
    devices = plural(made.devices, "device")
    return (
        f"The teacher took {duration(made.teacher_s)}, the training {duration(made.training_s)}: "
        f"{plural(made.texts, 'text')} in batches of up to {made.batch_size:,}, {plural(made.tokens, 'token')}{rate}, "
        f"in {made.precision} on {devices}, learning rate {significant(made.learning_rate)}."
    )
