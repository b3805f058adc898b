"""`BenchReport` for people: points, plot, what to run and why, what it costs, what came true."""

from __future__ import annotations

from decimal import Decimal

from llmopt.bench.report import BenchReport
from llmopt.bench.result import Comparison, Curve, Recommendation, Verification
from llmopt.core.money import dollars
from llmopt.report.bench_batch_points import points_table, throughput_plot
from llmopt.report.figures import cell, duration, per_s, plural, share, signed
from llmopt.report.table import Column, Note, Plot, Report, Table

_NEAR_CAPACITY = "next to the capacity the last percent of the machine's speed decides, so 85% of it is verified"
WITHIN_P50, WITHIN_P99 = 0.10, 0.20
"""How far from the prediction a verified run may be before a note says so."""


def view(report: BenchReport, *, brief: bool = False) -> Report:
    """Return a run for people.

    Args:
        report: what the run found.
        brief: without background (curve, environment).
    """
    tables = [points_table(report.sweep)]
    if report.verified is not None:
        tables.append(_verified(report.verified, report.recommended))
    if report.comparison is not None:
        tables.append(_compared(report.comparison))
    plots: tuple[Plot, ...] = ()
    if any(point.throughput_per_s is not None for point in report.sweep.points):
        plots = (throughput_plot(report.sweep, report.slo_p99_s),)
    return Report("Batching", headline(report), tuple(tables), tuple(_notes(report, brief=brief)), plots)


def headline(report: BenchReport) -> str:
    """Return the answer in a sentence."""
    facts = report.sweep.environment.target
    where = f"{facts.name} on {facts.device}"
    if report.unmet is not None:
        return f"{where}: no setting meets a p99 of {duration(report.slo_p99_s)}."
    if report.recommended is None:
        return f"{where}: nothing to recommend."
    best = report.recommended
    took = f"a p99 of at most {duration(best.p99_upper_s)}"
    if best.slo_p99_s is None:
        took = f"{duration(best.p50_s)} a batch"
    return f"{where}: {per_s(best.rate_per_s)} with {setting(best)} and {took}."


def setting(best: Recommendation) -> str:
    """Return the settings in words: `batches of up to 16 (wait 5 ms, at most 2,048 tokens)`."""
    more = [f"wait {duration(best.settings.max_wait_s)}"] if best.settings.max_wait_s else []
    if best.settings.max_batch_tokens is not None:
        more.append(f"at most {best.settings.max_batch_tokens:,} tokens")
    said = ", ".join(more)
    return f"batches of up to {best.settings.max_batch_size:,}{f' ({said})' if said else ''}"


def _notes(report: BenchReport, *, brief: bool) -> list[Note]:
    notes: list[Note] = []
    if report.unmet is not None:
        notes.append(Note(report.unmet.message, "warning"))
    if report.recommended is not None:
        notes += _recommended(report, report.recommended)
    if report.unverified:
        notes.append(Note(f"The recommendation could not be verified: {report.unverified}", "warning"))
    if report.uncompared:
        notes.append(Note(f"No comparison with the baseline: {report.uncompared}", "warning"))
    noise = report.sweep.environment.noise
    if not noise.quiet:
        notes.append(Note(f"The machine was not quiet: {'; '.join(noise.reasons)}.", "warning"))
    notes += [Note(warning, "warning") for warning in report.all_warnings]
    if not brief:
        notes += [Note(_formula(report.curve))] if report.curve is not None else []
        notes.append(Note(_environment(report)))
    return notes


def _recommended(report: BenchReport, best: Recommendation) -> list[Note]:
    notes = [Note(f"Recommended: {best.reason}.")]
    notes += [Note(line) for line in _dollars(best)]
    if report.batcher:
        notes.append(Note(report.batcher, "code"))
    if report.config:
        notes += [Note("For llmopt serve --config (--save-config FILE writes it):"), Note(report.config, "code")]
    return notes


def _dollars(best: Recommendation) -> list[str]:
    lines = []
    if best.usd_per_million is not None:
        tokens = best.usd_per_million_tokens
        each = f", {dollars(tokens)} a million tokens" if tokens is not None else ""
        lines.append(f"Cost at {per_s(best.rate_per_s)}: {dollars(best.usd_per_million)} a million requests{each}.")
    if best.user_rate_per_s is not None and best.devices_at_user_rate is not None:
        cost = best.usd_per_million_at_user_rate
        paid = (
            f", {dollars(cost)} a million requests{_tokens_at(best, cost)}, idle time paid" if cost is not None else ""
        )
        needs = plural(best.devices_at_user_rate, "device")
        lines.append(f"Your {per_s(best.user_rate_per_s)} need {needs}{paid}.")
    return lines


def _tokens_at(best: Recommendation, usd_per_million: Decimal) -> str:
    """Return what a million tokens cost where a million requests cost so much: as many tokens as at the other rate."""
    if not best.usd_per_million or best.usd_per_million_tokens is None:
        return ""
    cost = usd_per_million * best.usd_per_million_tokens / best.usd_per_million
    return f" and {dollars(cost)} a million tokens"


def _verified(found: Verification, best: Recommendation | None) -> Table:
    columns = (
        Column("figure", "verified"),
        Column("predicted", "predicted", "number"),
        Column("measured", "measured", "number"),
        Column("error", "error", "percent", priority=1),
    )
    ratio = found.measured_throughput_per_s / found.predicted_throughput_per_s - 1
    rows = (
        ("p50 (ms)", cell(found.predicted_p50_s * 1e3), cell(found.measured_p50_s * 1e3), cell(found.p50_error)),
        ("p99 (ms)", cell(found.predicted_p99_s * 1e3), cell(found.measured_p99_s * 1e3), cell(found.p99_error)),
        ("requests/s", cell(found.predicted_throughput_per_s), cell(found.measured_throughput_per_s), cell(ratio)),
    )
    title = f"Verified open loop: {plural(found.requests, 'request')} at {per_s(found.rate_per_s)}"
    notes = _verified_notes(found)
    if best is not None and found.rate_per_s < 0.999 * best.rate_per_s:
        notes.insert(0, Note(f"At {per_s(found.rate_per_s)}, not {per_s(best.rate_per_s)}: {_NEAR_CAPACITY}."))
    return Table("verified", title, columns, rows, notes=tuple(notes))


def _verified_notes(found: Verification) -> list[Note]:
    upper = found.measured_p99_upper_s
    bound = f"upper 95% bound of the measured p99: {duration(upper)}; " if upper is not None else ""
    size = f"{found.mean_batch_size:.1f} requests a batch on average"
    slower = (
        f"batches took {signed(found.service_ratio - 1)} against the sweep; sender late by {duration(found.late_s)}"
    )
    notes = [Note(f"{bound}{size}; {slower}.")]
    if found.failed:
        notes.append(Note(f"{found.failed:,} of {found.requests:,} requests failed.", "warning"))
    if found.slo_met is False:
        notes.append(Note("The measured p99 misses the SLO.", "warning"))
    if not found.noise.quiet:
        notes.append(Note(f"Not quiet while verifying: {'; '.join(found.noise.reasons)}.", "warning"))
    elif abs(found.p50_error) > WITHIN_P50 or abs(found.p99_error) > WITHIN_P99:
        notes.append(Note("Measured and predicted are further apart than the sweep promises.", "warning"))
    return notes


def _compared(found: Comparison) -> Table:
    columns = (
        Column("batch_size", "batch", "int"),
        Column("seq_len", "tokens", "int", priority=1),
        Column("before_s", "before", "duration", unit="ms", priority=2),
        Column("now_s", "now", "duration", unit="ms", priority=2),
        Column("change", "slow-down", "percent"),
        Column("low", "low", "percent", priority=3),
        Column("high", "high", "percent", priority=3),
    )
    rows = tuple(
        (
            one.shape.batch_size,
            one.shape.seq_len,
            cell(one.before_s),
            cell(one.now_s),
            cell(one.change),
            cell(one.low),
            cell(one.high),
        )
        for one in found.shapes
    )
    warnings = [Note(warning, "warning") for warning in found.warnings]
    return Table("comparison", "Against the baseline", columns, rows, notes=(Note(compared(found)), *warnings))


def compared(found: Comparison) -> str:
    """Return the outcome of a comparison in a sentence."""
    word = "slower" if found.change >= 0 else "faster"
    span = f"95% interval of the slow-down {signed(found.low)} to {signed(found.high)}"
    verdict = "a regression" if found.regressed else "no regression"
    return f"{share(abs(found.change))} {word} over all shapes ({span}): {verdict} beyond {share(found.threshold)}."


def _formula(curve: Curve) -> str:
    parts = [duration(curve.base_s)]
    if curve.per_request_s:
        parts.append(f"{duration(curve.per_request_s)} x requests")
    if curve.per_token_s:
        parts.append(f"{duration(curve.per_token_s)} x padded tokens")
    fit = f"r2 {Decimal(repr(curve.r_squared)):.4f}, at most {share(curve.max_error)} off a median"
    return f"Time of a batch: {' + '.join(parts)} ({fit})."


def _environment(report: BenchReport) -> str:
    found = report.sweep.environment
    facts = found.target
    said = [facts.task, facts.device_name, facts.dtype, facts.attention, "compiled" if facts.compiled else ""]
    said.append(plural(facts.threads, "thread") if facts.threads is not None else "")
    said += [f"{name} {version}" for name, version in (*facts.versions, *facts.device_state)]
    said += [found.platform, f"Python {found.python}", plural(found.cpu_count, "CPU"), f"llmopt {found.llmopt}"]
    return f"Measured in {duration(report.elapsed_s or report.sweep.elapsed_s)} with {', '.join(filter(None, said))}."
