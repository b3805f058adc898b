"""`BenchReport` for people: points, plot, what to run and why, what it costs, what came true."""

from __future__ import annotations

from llmopt.bench.report import BenchReport
from llmopt.bench.result import Comparison, Curve, Recommendation, Verification
from llmopt.core.quantity import duration, per_s, requests_per_s
from llmopt.report.bench_batch_points import points_table, throughput_plot, unit_of
from llmopt.report.bench_money import money_lines
from llmopt.report.figures import cell, plural, share, signed
from llmopt.report.table import Cell, Column, Note, Plot, Report, Table

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
    took = f"p99 at most {duration(best.p99_upper_s)}"
    if best.slo_p99_s is None:
        took = f"{duration(best.p50_s)} a batch"
    return f"{where}: {requests_per_s(best.rate_per_s)} with {setting(best)}, {took}."


def setting(best: Recommendation) -> str:
    """Return the settings in words: `batches of up to 16 (wait 5 ms, at most 2,048 tokens)`."""
    more = [f"wait {duration(best.settings.max_wait_s)}"] if best.settings.max_wait_s else []
    if best.settings.max_batch_tokens is not None:
        more.append(f"at most {best.settings.max_batch_tokens:,} tokens")
    said = ", ".join(more)
    return f"batches of up to {best.settings.max_batch_size:,}{f' ({said})' if said else ''}"


def _notes(report: BenchReport, *, brief: bool) -> list[Note]:
    """Return the lines under the tables: background, then warnings, and what to run as the last."""
    notes: list[Note] = []
    if not brief:
        notes += [Note(_formula(report.curve, unit_of(report.sweep)))] if report.curve is not None else []
        notes.append(Note(_environment(report)))
    notes += [Note(warning, "warning") for warning in _warnings(report)]
    if report.recommended is not None:
        notes += _recommended(report, report.recommended)
    return notes


def _warnings(report: BenchReport) -> list[str]:
    noise = report.sweep.environment.noise
    found = list(report.all_warnings)
    if not noise.quiet:
        found.append(f"The machine was not quiet: {'; '.join(noise.reasons)}.")
    if report.uncompared:
        found.append(f"No comparison with the baseline: {report.uncompared}")
    if report.unverified:
        found.append(f"The recommendation could not be verified: {report.unverified}")
    if report.unmet is not None:
        found.append(report.unmet.message)
    return found


def _recommended(report: BenchReport, best: Recommendation) -> list[Note]:
    notes = [Note(f"Recommended: {best.reason}.")]
    notes += [Note(line) for line in money_lines(best, unit_of(report.sweep))]
    if report.batcher:
        notes.append(Note(report.batcher, "code"))
    if report.config:
        settings = [line for line in report.config.splitlines() if line and not line.startswith("#")]
        notes += [Note("The same for llmopt serve --config (--save-config FILE writes it):")]
        notes.append(Note("\n".join(settings), "code"))
    return notes


def _verified(found: Verification, best: Recommendation | None) -> Table:
    columns = (
        Column("figure", "figure"),
        Column("predicted", "predicted", "number"),
        Column("replayed", "with these times", "number", priority=2, optional=True),
        Column("measured", "measured", "number"),
        Column("error", "error", "percent", priority=1),
    )
    ratio = found.measured_throughput_per_s / found.predicted_throughput_per_s - 1
    told, came = found.predicted_throughput_per_s, found.measured_throughput_per_s
    rows = (
        ("p50 (ms)", *_ms(found.predicted_p50_s, found.replayed_p50_s, found.measured_p50_s), cell(found.p50_error)),
        ("p99 (ms)", *_ms(found.predicted_p99_s, found.replayed_p99_s, found.measured_p99_s), cell(found.p99_error)),
        ("requests/s", cell(told), None, cell(came), cell(ratio)),
    )
    title = f"Verified: {plural(found.requests, 'request')}, sent open loop at {per_s(found.rate_per_s)}"
    notes = _verified_notes(found)
    if best is not None and found.rate_per_s < 0.999 * best.rate_per_s:
        asked = requests_per_s(best.rate_per_s)
        notes.insert(0, Note(f"At {per_s(found.rate_per_s)} and not at the {asked} recommended: {_NEAR_CAPACITY}."))
    return Table("verified", title, columns, rows, notes=tuple(notes))


def _ms(*values_s: float | None) -> list[Cell]:
    return [None if value_s is None else cell(value_s * 1e3) for value_s in values_s]


def _verified_notes(found: Verification) -> list[Note]:
    upper = found.measured_p99_upper_s
    bound = f"The true p99 is at most {duration(upper)} (95% sure). " if upper is not None else ""
    size = f"Batches had {found.mean_batch_size:.1f} requests on average"
    change = found.service_ratio - 1
    slower = f"took {share(abs(change))} {'more' if change >= 0 else 'less'} time than in the sweep"
    notes = [Note(f"{bound}{size} and {slower}; requests were sent at most {duration(found.late_s)} late.")]
    if found.replayed_p99_s is not None:
        notes.append(Note("with these times: predicted once more, from the times that batches took in this run."))
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


def _formula(curve: Curve, unit: str) -> str:
    parts = [duration(curve.base_s)]
    if curve.per_request_s:
        parts.append(f"{duration(curve.per_request_s)} x requests")
    if curve.per_token_s:
        parts.append(f"{duration(curve.per_token_s)} x {unit or 'length'}, padding included")
    fit = f"r2 {curve.r_squared:.4f}, at most {share(curve.max_error)} off a median"
    return f"Time of a batch: {' + '.join(parts)} ({fit})."


def _environment(report: BenchReport) -> str:
    found = report.sweep.environment
    facts = found.target
    said = [facts.task, facts.device_name, facts.dtype, facts.attention, "compiled" if facts.compiled else ""]
    said.append(plural(facts.threads, "thread") if facts.threads is not None else "")
    said += [f"{name} {version}" for name, version in (*facts.versions, *facts.device_state)]
    said += [found.platform, f"Python {found.python}", plural(found.cpu_count, "CPU"), f"llmopt {found.llmopt}"]
    return f"Measured in {duration(report.elapsed_s or report.sweep.elapsed_s)}: {', '.join(filter(None, said))}."
