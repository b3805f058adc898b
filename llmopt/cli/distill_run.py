"""Run `llmopt distill`: check what can be checked, distill, show the report, and fail where a gate does not hold."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from llmopt.cli.distill_asked import Typed, check, config_of
from llmopt.cli.output import Destination, write
from llmopt.cli.progress import ProgressLine
from llmopt.core.check import with_others
from llmopt.errors import CheckFailed
from llmopt.models.distill.config import DistillConfig
from llmopt.models.distill.proof.verdict import checks
from llmopt.models.distill.report import DistillReport
from llmopt.report import distill_json, distill_view

STOPPED = "llmopt: stopped; the same command with --resume goes on\n"


def run(typed: Typed, to: Destination, *, brief: bool = False) -> None:
    """Do what the user typed.

    Args:
        typed: all options.
        to: where the report goes.
        brief: no background in the report.

    Raises:
        LlmoptError: what is wrong with the options, the models or the data.
        CheckFailed: the report is out, and a gate does not hold.
    """
    config = config_of(typed)
    data = check(typed)
    first = _is_first()
    report = _distilled(typed, data, config, quiet=to.quiet or not first)
    if not first:
        return
    held = with_others(checks(config, report.kept, report.speed), report.failures, "gates")
    write(distill_view.view(report, brief=brief), distill_json.payload(report), to, held)
    if report.failures:
        raise CheckFailed("\n".join(report.failures))


def _is_first() -> bool:
    """Whether this process is the one that reports, of those that `accelerate launch` or `torchrun` started."""
    return os.environ.get("RANK", "0") in ("", "0")


def _distilled(typed: Typed, data: str, config: DistillConfig, *, quiet: bool) -> DistillReport:
    name = Path(typed.teacher).name or typed.teacher
    try:
        with ProgressLine(quiet=quiet) as line:
            line(0, 0, f"reading {name}")
            from llmopt.models.distill.api import distill  # torch loads here and not before a typo is told

            return distill(typed.teacher, typed.dst, data, config, progress=line)
    except KeyboardInterrupt:
        if not quiet:
            sys.stderr.write(STOPPED)
        raise
