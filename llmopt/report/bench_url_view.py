"""`UrlSweep` for people and machines: what a server did at each arrival rate, and the rate to plan for."""

from __future__ import annotations

from llmopt.bench.url_result import UrlPoint, UrlRecommendation, UrlSweep, UrlUnmet
from llmopt.core.quantity import duration, per_s, requests_per_s
from llmopt.report.as_json import Json, document, plain
from llmopt.report.bench_batch_json import fields_of, finite, target_of
from llmopt.report.bench_money import money_lines
from llmopt.report.figures import MAX_OF_N, cell, half_width, p99_or_max
from llmopt.report.table import Axis, Cell, Column, LimitLine, Note, Plot, PlotPoint, Report, Series, Table

COLUMNS = (
    Column("rate_per_s", "offered/s", "number"),
    Column("throughput_per_s", "answered/s", "number"),
    Column("throughput_low", "low", "number", machine=True),
    Column("throughput_high", "high", "number", machine=True),
    Column("interval", "+/-", "percent", priority=8, people=True),
    Column("ttft_p50_s", "TTFT p50", "duration", priority=2, unit="ms"),
    Column("ttft_p99_s", "TTFT p99", "duration", priority=6, optional=True, unit="ms"),
    Column("tpot_p50_s", "TPOT p50", "duration", priority=3, unit="ms"),
    Column("tpot_p99_s", "TPOT p99", "duration", priority=7, optional=True, unit="ms"),
    Column("latency_p50_s", "p50", "duration", priority=1, unit="ms"),
    Column("latency_p95_s", "p95", "duration", priority=7, optional=True, unit="ms"),
    Column("latency_p99_s", "p99", "duration", machine=True, unit="ms"),
    Column("latency_max_s", "max", "duration", machine=True, unit="ms"),
    Column("p99", "p99", "duration", unit="ms", people=True),
    Column("latency_p99_upper_s", "p99 upper", "duration", priority=8, optional=True, unit="ms"),
    Column("useful_tokens_per_s", "tokens/s", "number", priority=6),
    Column("samples", "answered", "int", priority=5),
    Column("failures", "failed", "int", priority=4, optional=True),
    Column("status", "status", priority=3),
    Column("reason", "reason", machine=True),
)
"""All times count from when a request was due, to the first token (TTFT), for each further one (TPOT), to the last."""


def view(sweep: UrlSweep, *, slo_p99_s: float | None = None, brief: bool = False) -> Report:
    """Return a load test for people.

    Args:
        sweep: what was found.
        slo_p99_s: what was asked for; None: nothing.
        brief: without background.
    """
    rows = tuple(_row(point) for point in sweep.points)
    table = Table("points", "Arrival rates", COLUMNS, rows, notes=tuple(_point_notes(sweep)))
    plots = (_plot(sweep, slo_p99_s),) if any(point.latencies_s for point in sweep.points) else ()
    return Report("Serving", headline(sweep), (table,), tuple(_notes(sweep, brief=brief)), plots)


def headline(sweep: UrlSweep) -> str:
    """Return the answer in a sentence."""
    name, best = sweep.target.name, sweep.recommended
    if best is None:
        return f"{name}: no request was answered."
    if isinstance(best, UrlUnmet):
        if best.slo_p99_s is None:
            return f"{name}: requests failed at every rate."
        return f"{name}: no measured rate meets a p99 of {duration(best.slo_p99_s)}."
    bound = f", p99 at most {duration(best.p99_upper_s)}" if best.p99_upper_s is not None else ""
    if sweep.held and best.slo_p99_s is None:
        answered = requests_per_s(best.throughput_per_s)
        return f"{name}: at {per_s(best.rate_per_s)}, {answered} answered{bound}."
    return f"{name}: plan for {requests_per_s(best.rate_per_s)}{bound}."


def payload(sweep: UrlSweep, *, slo_p99_s: float | None = None, failed_checks: tuple[str, ...] = ()) -> dict[str, Json]:
    """Return a load test as the document of `llmopt.bench-batch/1`; what there is only of a local model is null."""
    best = sweep.recommended
    body: dict[str, Json] = {
        "environment": {"target": target_of(sweep.target)},
        "points": [_point(point) for point in sweep.points],
        "curve": None,
        "recommended": plain(best) if isinstance(best, UrlRecommendation) else None,
        "unmet": plain(best) if isinstance(best, UrlUnmet) else None,
        "verified": None,
        "comparison": None,
        "slo_p99_s": slo_p99_s,
        "prompt_tokens": list(sweep.prompt_tokens),
        "new_tokens": sweep.new_tokens,
        "seed": sweep.seed,
        "elapsed_s": sweep.elapsed_s,
        "warnings": list(sweep.warnings),
        "failed_checks": list(failed_checks),
    }
    return document("bench-batch", {key: finite(value) for key, value in body.items()})


def _point(point: UrlPoint) -> dict[str, Json]:
    body = fields_of(point)
    for name, times in (("latency", point.latency), ("ttft", point.ttft), ("tpot", point.tpot)):
        del body[name]
        body |= {f"{name}_{key}": value for key, value in fields_of(times).items()}
    body["failed"] = dict(point.failed)
    return {**body, "samples": point.samples, "failures": point.failures}


def _row(point: UrlPoint) -> tuple[Cell, ...]:
    return (
        cell(point.rate_per_s),
        cell(point.throughput_per_s),
        cell(point.throughput_low),
        cell(point.throughput_high),
        half_width(point.throughput_low, point.throughput_high, point.throughput_per_s),
        cell(point.ttft.p50_s),
        cell(point.ttft.p99_s),
        cell(point.tpot.p50_s),
        cell(point.tpot.p99_s),
        cell(point.latency.p50_s),
        cell(point.latency.p95_s),
        cell(point.latency.p99_s),
        cell(point.latency.max_s),
        p99_or_max(point.latency.p99_s, point.latency.max_s, point.samples),
        cell(point.latency_p99_upper_s),
        cell(point.useful_tokens_per_s),
        point.samples,
        point.failures,
        point.status,
        point.reason or None,
    )


def _plot(sweep: UrlSweep, slo_p99_s: float | None) -> Plot:
    answered = [point for point in sweep.points if point.throughput_per_s is not None]
    points = tuple(
        PlotPoint(
            point.throughput_per_s or 0.0,
            1000 * (point.latency.p99_s or point.latency.max_s or 0.0),
            f"{point.rate_per_s:.4g}",
        )
        for point in answered
    )
    exact = {point.latency.p99_s is not None for point in answered}
    drawn = " or ".join(["p99"] * (True in exact) + ["max of n"] * (False in exact))
    return Plot(
        "throughput-p99",
        "Throughput against p99",
        Axis("throughput", "requests/s"),
        Axis(f"{drawn} of a request", "ms", log=True),
        (Series("", points),),
        (LimitLine("y", slo_p99_s * 1000, f"SLO {duration(slo_p99_s)}"),) if slo_p99_s is not None else (),
        "offered rate",
    )


def _point_notes(sweep: UrlSweep) -> list[Note]:
    notes = []
    if any(point.latency.p99_s is None and point.latency.max_s is not None for point in sweep.points):
        notes.append(Note(MAX_OF_N))
    for point in sweep.points:
        if point.reason:
            notes.append(Note(f"{point.status} at {per_s(point.rate_per_s)}: {point.reason}"))
        if point.failed:
            failures = ", ".join(f"{reason} {count:,}" for reason, count in point.failed)
            notes.append(Note(f"Failed at {per_s(point.rate_per_s)}: {failures}"))
    return notes


def _notes(sweep: UrlSweep, *, brief: bool) -> list[Note]:
    """Return the lines under the table: background, then warnings, and the rate to plan for as the last."""
    best = sweep.recommended
    notes = [] if brief else [Note(_background(sweep))]
    notes += [Note(warning, "warning") for warning in sweep.warnings]
    if isinstance(best, UrlUnmet):
        notes.append(Note(best.reason, "warning"))
    elif best is not None:
        notes.append(Note(f"Recommended: {best.reason}."))
        notes += [Note(line) for line in money_lines(best, "tokens", "server")]
    return notes


def _background(sweep: UrlSweep) -> str:
    ends = sorted({min(sweep.prompt_tokens), max(sweep.prompt_tokens)}) if sweep.prompt_tokens else []
    prompts = " to ".join(f"{tokens:,}" for tokens in ends) or "no"
    return (
        f"Measured in {duration(sweep.elapsed_s)}: prompts of {prompts} tokens, {sweep.new_tokens:,} new ones; "
        f"times count from when a request was due; seed {sweep.seed}."
    )
