"""What a run has to hold to be a success: a met SLO, a quiet machine, no regression, a verification that came true."""

from __future__ import annotations

from llmopt.bench.report import BenchReport
from llmopt.bench.result import Comparison, Noise
from llmopt.core.quantity import duration


def failed_checks(report: BenchReport, *, allow_noisy: bool = False, regression: bool = False) -> tuple[str, ...]:
    """Return a line for each check that does not hold.

    Args:
        report: of the run.
        allow_noisy: let a machine pass that was not quiet.
        regression: a slow-down against the baseline fails the run.
    """
    failed = [report.unmet.message] if report.unmet is not None else []
    if not allow_noisy:
        failed += _noisy(report.sweep.environment.noise, "the machine was not quiet")
    found = report.verified
    if found is not None:
        if not allow_noisy:
            failed += _noisy(found.noise, "the machine was not quiet while verifying")
        if found.slo_met is False:
            slo = f" of {duration(report.slo_p99_s)}" if report.slo_p99_s is not None else ""
            failed.append(f"the measured p99, {duration(found.measured_p99_s)}, misses the SLO{slo}")
    if report.unverified:
        failed.append(f"the recommendation could not be verified: {report.unverified}")
    if regression and report.uncompared:
        failed.append(f"no comparison with the baseline: {report.uncompared}")
    if regression and report.comparison is not None and report.comparison.regressed:
        failed.append(_slower(report.comparison))
    return tuple(failed)


def _noisy(noise: Noise, what: str) -> list[str]:
    return [] if noise.quiet else [f"{what}: {'; '.join(noise.reasons)}; --allow-noisy lets it pass"]


def _slower(found: Comparison) -> str:
    return (
        f"{found.change:.1%} slower than the baseline (95% interval {found.low:.1%} to {found.high:.1%}), "
        f"more than {found.threshold * 100:.3g}%"
    )
