"""An evaluation of compression for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from llmopt.core.check import Check, failures
from llmopt.prompts.evaluation.metrics import Evaluation, Metric
from llmopt.report.as_json import Json, document, plain
from llmopt.report.table import Cell, Chart, Column, Meter, Meters, Note, Report, Table

_LISTED = 20
_METRICS = (
    Column("name", "Measure"),
    Column("value", "Value", "int"),
    Column("goal", "Goal", "int", priority=1),
    Column("unit", "Unit"),
    Column("result", "Result"),
    Column("n", "Of", "int", priority=3),
    Column("detail", "What", priority=2),
)
_FAILURES = (
    Column("level", "Level"),
    Column("kind", "Kind"),
    Column("number", "Prompt", "int"),
    Column("fault", "Fault"),
)


def view(result: Evaluation) -> Report:
    """Return every figure beside its goal, and the made-up prompts that lost something."""
    tables = [Table("metrics", "", _METRICS, tuple(map(_row, result.metrics)))]
    if result.failures:
        rows = tuple((one.level, one.kind, one.number, one.fault) for one in result.failures[:_LISTED])
        left = len(result.failures) - len(rows)
        more = (Note(f"{left:,} more; --format json lists all."),) if left else ()
        tables.append(Table("failures", "Prompts that lost something", _FAILURES, rows, notes=more))
    notes = [Note(f"Data: {result.data}; seed {result.seed}; tokens by {result.tokenizer}.")]
    notes += [Note(text, "warning") for text in result.bad_rows[:_LISTED]]
    judged = [metric for metric in result.metrics if metric.ok is not None]
    head = f"{sum(bool(metric.ok) for metric in judged):,} of {len(judged):,} goals are met"
    return Report("Compression", head, tuple(tables), tuple(notes), charts=_charts(result))


def missed(result: Evaluation) -> tuple[str, ...]:
    """Return a line for every goal that is missed."""
    return failures(goals(result))


def goals(result: Evaluation) -> tuple[Check, ...]:
    """Return every figure that has a goal, and whether it meets it."""
    return tuple(_goal(metric) for metric in result.metrics if metric.ok is not None)


def _goal(metric: Metric) -> Check:
    found, wanted = rounded(metric.value), rounded(metric.goal)
    failed = () if metric.ok else (f"{metric.name}: {found} {metric.unit}, not {wanted}",)
    return Check("--strict", f"{wanted} {metric.unit}", f"{found} {metric.unit}", metric.name, failures=failed)


def payload(result: Evaluation, *, failed_checks: Sequence[str] = ()) -> dict[str, Json]:
    """Return the figures as the document of `llmopt.compress.eval/1`."""
    body = plain(result)
    return document("compress.eval", {**(body if isinstance(body, dict) else {}), "failed_checks": list(failed_checks)})


def rounded(value: float | None) -> str:
    """Return a figure with two decimals at most; `-` where there is none."""
    return "-" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def _row(metric: Metric) -> tuple[Cell, ...]:
    result = None if metric.ok is None else "met" if metric.ok else "missed"
    return (metric.name, _figure(metric.value), _figure(metric.goal), metric.unit, result, metric.n, metric.detail)


def _charts(result: Evaluation) -> tuple[Chart, ...]:
    """Return the shares beside their goals."""
    meters = [
        Meter(metric.name, value, goal=_figure(metric.goal), good=metric.ok)
        for metric in result.metrics
        if metric.unit == "%" and (value := _figure(metric.value)) is not None
    ]
    return (Meters("measures", "Measures in %, and their goals", tuple(meters), "int", "%"),) if meters else ()


def _figure(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(rounded(value))
