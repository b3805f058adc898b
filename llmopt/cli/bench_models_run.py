"""Run `llmopt bench`: compare models, show what came of it, and fail where a check does not hold."""

from __future__ import annotations

from llmopt.bench.comparing.checks import checks
from llmopt.bench.comparing.result import BenchResult
from llmopt.cli.bench_models_asked import Numbers, Typed, check, numbers
from llmopt.cli.output import Destination, write
from llmopt.cli.progress import ProgressLine
from llmopt.core.check import failures
from llmopt.errors import CheckFailed
from llmopt.report import bench_models_json, bench_models_view


def run(typed: Typed, to: Destination, *, brief: bool = False) -> None:
    """Do what the user typed.

    Args:
        typed: all options.
        to: where the report goes.
        brief: no background in the report.

    Raises:
        LlmoptError: what is wrong with the options, a model or the data.
        CheckFailed: the report is out, and a check does not hold.
    """
    read = numbers(typed)
    check(typed)
    with ProgressLine(quiet=to.quiet) as progress:
        result = _compared(typed, read, progress)
    held = checks(result, allow_noisy=typed.allow_noisy)
    failed = failures(held)
    view = bench_models_view.view(result, brief=brief)
    write(view, bench_models_json.payload(result, failed_checks=failed), to, held)
    if failed:
        raise CheckFailed("\n".join(failed))


def _compared(typed: Typed, read: Numbers, progress: ProgressLine) -> BenchResult:
    from llmopt.bench.comparing.api import compare  # numpy loads here and not before a typo is told

    return compare(
        typed.models,
        typed.data,
        against=typed.against,
        batch_size=read.batch_sizes,
        seq_len=read.seq_lens,
        device=typed.device,
        dtype=typed.dtype,
        task=typed.task,
        new_tokens=read.new_tokens,
        attention=typed.attention,
        compile=typed.compile,
        trust_remote_code=typed.trust_remote_code,
        price_per_month=read.price_per_month,
        min_speedup=read.min_speedup,
        max_quality_drop=read.max_quality_drop,
        min_rounds=read.min_rounds,
        max_time_s=read.max_time_s,
        ci=read.ci,
        progress=progress,
    )
