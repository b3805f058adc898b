"""What a run has to hold to be a success: a met SLO, a quiet machine, no regression, a verification that came true."""

from __future__ import annotations

from collections.abc import Iterator

from llmopt.bench.report import BenchReport
from llmopt.bench.result import Comparison, Noise
from llmopt.core.check import Check, failures
from llmopt.core.quantity import duration


def failed_checks(report: BenchReport, *, allow_noisy: bool = False, regression: bool = False) -> tuple[str, ...]:
    """Return a line for each check that does not hold.

    Args:
        report: of the run.
        allow_noisy: let a machine pass that was not quiet.
        regression: a slow-down against the baseline fails the run.
    """
    return failures(checks(report, allow_noisy=allow_noisy, regression=regression))


def checks(report: BenchReport, *, allow_noisy: bool = False, regression: bool = False) -> tuple[Check, ...]:
    """Return each check that was asked for with its outcome, in a fixed order; arguments as `failed_checks`."""
    noise = report.sweep.environment.noise
    found = [
        _met(report),
        None if allow_noisy else Check("quiet machine", failures=_noisy(noise, "the machine was not quiet")),
        *_verified(report, allow_noisy=allow_noisy),
        _kept(report) if regression else None,
    ]
    return tuple(check for check in found if check is not None)


def _met(report: BenchReport) -> Check | None:
    """Whether any setting meets the SLO."""
    if report.slo_p99_s is None and report.unmet is None:
        return None
    limit = "" if report.slo_p99_s is None else duration(report.slo_p99_s)
    return Check("--slo-p99", limit, failures=() if report.unmet is None else (report.unmet.message,))


def _verified(report: BenchReport, *, allow_noisy: bool) -> Iterator[Check]:
    found, failed = report.verified, []
    if found is not None:
        if not allow_noisy:
            yield Check(
                "quiet machine while verifying",
                failures=_noisy(found.noise, "the machine was not quiet while verifying"),
            )
        if found.slo_met is False:
            slo = f" of {duration(report.slo_p99_s)}" if report.slo_p99_s is not None else ""
            failed.append(f"the measured p99, {duration(found.measured_p99_s)}, misses the SLO{slo}")
    if report.unverified:
        failed.append(f"the recommendation could not be verified: {report.unverified}")
    if found is not None or report.unverified:
        limit = "" if report.slo_p99_s is None else duration(report.slo_p99_s)
        actual = "" if found is None else duration(found.measured_p99_s)
        yield Check("--verify", limit, actual, failures=tuple(failed))


def _kept(report: BenchReport) -> Check:
    """Whether it is as fast as the baseline."""
    found, name = report.comparison, "--fail-on-regression"
    if report.uncompared:
        return Check(name, failures=(f"no comparison with the baseline: {report.uncompared}",))
    if found is None:
        return Check(name)
    failed = (_slower(found),) if found.regressed else ()
    return Check(name, f"{found.threshold:.3%}", f"{found.change:.1%}", failures=failed)


def _noisy(noise: Noise, what: str) -> tuple[str, ...]:
    return () if noise.quiet else (f"{what}: {'; '.join(noise.reasons)}; --allow-noisy lets it pass",)


def _slower(found: Comparison) -> str:
    return (
        f"{found.change:.1%} slower than the baseline (95% interval {found.low:.1%} to {found.high:.1%}), "
        f"more than {found.threshold * 100:.3g}%"
    )
