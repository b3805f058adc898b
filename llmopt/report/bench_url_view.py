"""`UrlSweep` for people and machines: what a server did at each arrival rate, and the rate to plan for."""

from __future__ import annotations

from llmopt.bench.url_result import Quantiles, UrlPoint, UrlRecommendation, UrlSweep, UrlUnmet
from llmopt.core.money import dollars
from llmopt.report.as_json import Json, document, plain
from llmopt.report.bench_batch_json import fields_of, finite
from llmopt.report.figures import cell, duration, per_s, plural
from llmopt.report.table import Axis, Cell, Column, LimitLine, Note, Plot, PlotPoint, Report, Series, Table
from llmopt.report.text import milliseconds

COLUMNS = (
    Column("rate_per_s", "offered/s", "number"),
    Column("throughput_per_s", "answered/s", "number"),
    Column("throughput_low", "low", "number", priority=8),
    Column("throughput_high", "high", "number", priority=8),
    Column("ttft_p50_s", "TTFT p50", "duration", priority=2, unit="ms"),
    Column("ttft_p99_s", "TTFT p99", "duration", priority=6, optional=True, unit="ms"),
    Column("tpot_p50_s", "TPOT p50", "duration", priority=3, unit="ms"),
    Column("tpot_p99_s", "TPOT p99", "duration", priority=7, optional=True, unit="ms"),
    Column("latency_p50_s", "p50", "duration", priority=1, unit="ms"),
    Column("latency_p95_s", "p95", "duration", priority=7, unit="ms"),
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
        return f"{name}: no measured rate meets a p99 of {duration(best.slo_p99_s)}."
    bound = f" with a p99 of at most {duration(best.p99_upper_s)}" if best.p99_upper_s is not None else ""
    return f"{name}: plan for {per_s(best.rate_per_s)}{bound}."


def payload(sweep: UrlSweep, *, slo_p99_s: float | None = None, failed_checks: tuple[str, ...] = ()) -> dict[str, Json]:
    """Return a load test as the document of `llmopt.bench-batch/1`; what there is only of a local model is null."""
    best = sweep.recommended
    body: dict[str, Json] = {
        "environment": {"target": plain(sweep.target)},
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
        cell(point.ttft.p50_s),
        cell(point.ttft.p99_s),
        cell(point.tpot.p50_s),
        cell(point.tpot.p99_s),
        cell(point.latency.p50_s),
        cell(point.latency.p95_s),
        cell(point.latency.p99_s),
        cell(point.latency.max_s),
        _p99_or_max(point.latency, point.samples),
        cell(point.latency_p99_upper_s),
        cell(point.useful_tokens_per_s),
        point.samples,
        point.failures,
        point.status,
        point.reason or None,
    )


def _p99_or_max(times: Quantiles, samples: int) -> Cell:
    most = cell(times.max_s)
    if times.p99_s is not None or most is None:
        return cell(times.p99_s)
    return f"max of {samples:,}: {milliseconds(most)}"


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
    few = sum(point.latency.p99_s is None for point in answered)
    note = (
        (Note(f"With fewer than 299 samples there is no p99: {plural(few, 'point')} at the max of n."),) if few else ()
    )
    return Plot(
        "throughput-p99",
        "Throughput against p99",
        Axis("throughput", "requests/s"),
        Axis("p99 of a request", "ms", log=True),
        (Series("", points),),
        (LimitLine("y", slo_p99_s * 1000, f"SLO {duration(slo_p99_s)}"),) if slo_p99_s is not None else (),
        "offered rate",
        note,
    )


def _point_notes(sweep: UrlSweep) -> list[Note]:
    notes = []
    for point in sweep.points:
        if point.reason:
            notes.append(Note(f"{point.status} at {per_s(point.rate_per_s)}: {point.reason}"))
        if point.failed:
            failures = ", ".join(f"{reason} {count:,}" for reason, count in point.failed)
            notes.append(Note(f"Failed at {per_s(point.rate_per_s)}: {failures}"))
    return notes


def _notes(sweep: UrlSweep, *, brief: bool) -> list[Note]:
    best = sweep.recommended
    notes = []
    if isinstance(best, UrlUnmet):
        notes.append(Note(best.reason, "warning"))
    elif best is not None:
        notes.append(Note(f"Recommended: {best.reason}"))
        notes += [Note(line) for line in _dollars(best)]
    notes += [Note(warning, "warning") for warning in sweep.warnings]
    if not brief:
        spread = sorted(sweep.prompt_tokens)
        prompts = f"{spread[0]:,} to {spread[-1]:,}" if spread else "no"
        notes.append(
            Note(
                f"Measured in {duration(sweep.elapsed_s)}: prompts of {prompts} tokens, {sweep.new_tokens:,} new ones; "
                f"times count from when a request was due; seed {sweep.seed}."
            )
        )
    return notes


def _dollars(best: UrlRecommendation) -> list[str]:
    lines = []
    if best.usd_per_million is not None:
        tokens = best.usd_per_million_tokens
        each = f", {dollars(tokens)} a million tokens" if tokens is not None else ""
        lines.append(f"Cost at {per_s(best.rate_per_s)}: {dollars(best.usd_per_million)} a million requests{each}.")
    if best.user_rate_per_s is not None and best.devices_at_user_rate is not None:
        cost = best.usd_per_million_at_user_rate
        paid = f", {dollars(cost)} a million requests, idle time paid" if cost is not None else ""
        lines.append(f"Your {per_s(best.user_rate_per_s)} need {plural(best.devices_at_user_rate, 'server')}{paid}.")
    return lines
