"""`llmopt bench-batch --url`: load an OpenAI-compatible server at given or rising rates; say which one to plan for."""

from __future__ import annotations

from llmopt.bench.asked import Asked, grid_of
from llmopt.bench.url import sweep_url
from llmopt.bench.url_options import UrlOptions
from llmopt.bench.url_result import UrlSweep, UrlUnmet
from llmopt.cli.bench_batch_asked import Numbers, Typed, logs
from llmopt.cli.output import Destination, write
from llmopt.cli.progress import ProgressLine
from llmopt.core.check import Check, failures
from llmopt.core.quantity import duration
from llmopt.errors import CheckFailed
from llmopt.report import bench_url_view

DEFAULT_NEW_TOKENS = 64


def bench_url(typed: Typed, read: Numbers, to: Destination, *, brief: bool = False) -> None:
    """Load a server and show what it did.

    Raises:
        LlmoptError: an option, a log or the server.
        CheckFailed: the report is out, and no rate meets the SLO, requests failed at each, or nothing was answered.
    """
    with ProgressLine(quiet=to.quiet) as progress:
        swept = _swept(typed, read, progress)
    held = (_answered(swept, read.slo_p99_s),)
    failed = failures(held)
    view = bench_url_view.view(swept, slo_p99_s=read.slo_p99_s, brief=brief)
    write(view, bench_url_view.payload(swept, slo_p99_s=read.slo_p99_s, failed_checks=failed), to, held)
    if failed:
        raise CheckFailed("\n".join(failed))


def _swept(typed: Typed, read: Numbers, progress: ProgressLine) -> UrlSweep:
    lengths, arrivals = logs(typed)
    asked = Asked(
        seq_lens=read.seq_lens,
        lengths=lengths,
        arrivals=arrivals,
        rate_per_s=read.rate_per_s,
    )
    expected = grid_of(asked, None).workload
    options = UrlOptions(
        url=typed.url or "",
        model=typed.model,
        api_key_env=typed.api_key_env,
        new_tokens=read.new_tokens or DEFAULT_NEW_TOKENS,
        rates=tuple(read.rates_per_s) or None,
        slo_p99_s=read.slo_p99_s,
        min_samples=read.min_samples,
        max_time_s=read.max_time_s,
        price_per_hour=read.price_per_hour,
        user_rate_per_s=expected.rate_per_s,
    )
    return sweep_url(options, expected, progress=progress)


def _answered(swept: UrlSweep, slo_p99_s: float | None) -> Check:
    """Whether there is a rate at which the server answers, in time where that was asked for."""
    best = swept.recommended
    name, limit = ("answers", "") if slo_p99_s is None else ("--slo-p99", duration(slo_p99_s))
    if best is None:
        return Check(name, limit, failures=("no request was answered",))
    found = "" if best.p99_upper_s is None else duration(best.p99_upper_s)
    return Check(name, limit, found, failures=(best.reason,) if isinstance(best, UrlUnmet) else ())
