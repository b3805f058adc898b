"""What fails a run."""

from __future__ import annotations

from dataclasses import replace

from llmopt.bench.gates import failed_checks
from tests.report.bench_reports import FULL, GENERATE, UNMET, VERIFIED

LOUD = replace(VERIFIED.noise, quiet=False, reasons=("drift 12%",))


def test_a_quiet_run_without_wishes_passes() -> None:
    assert failed_checks(GENERATE) == ()


def test_a_bound_that_none_meets_and_noise() -> None:
    failed = failed_checks(UNMET)
    assert failed[0].startswith("no setting meets p99 <= 10 ms: the nearest")
    assert failed[1:] == ("the machine was not quiet: CPU pressure 31% (at most 5%); --allow-noisy lets it pass",)
    assert len(failed_checks(UNMET, allow_noisy=True)) == 1


def test_a_regression_fails_only_where_that_is_asked_for() -> None:
    assert failed_checks(FULL) == ()
    assert failed_checks(FULL, regression=True) == (
        "8.3% slower than the baseline (95% interval 6.1% to 10.5%), more than 5%",
    )
    assert FULL.comparison is not None
    same = replace(FULL, comparison=replace(FULL.comparison, regressed=False))
    assert failed_checks(same, regression=True) == ()


def test_a_verification_that_misses_or_was_loud() -> None:
    bad = replace(FULL, verified=replace(VERIFIED, slo_met=False, measured_p99_s=0.3, noise=LOUD))
    assert failed_checks(bad) == (
        "the machine was not quiet while verifying: drift 12%; --allow-noisy lets it pass",
        "the measured p99, 300 ms, misses the SLO of 250 ms",
    )
    assert len(failed_checks(bad, allow_noisy=True)) == 1
    assert failed_checks(replace(FULL, verified=replace(VERIFIED, slo_met=None))) == ()


def test_what_could_not_be_done_fails_where_it_was_asked_for() -> None:
    lost = replace(FULL, verified=None, unverified="its process died", comparison=None, uncompared="another machine")
    assert failed_checks(lost) == ("the recommendation could not be verified: its process died",)
    assert failed_checks(lost, regression=True)[1:] == ("no comparison with the baseline: another machine",)
