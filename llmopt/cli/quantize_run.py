"""Run `llmopt quantize`: check what can be checked, quantize, show the report, and fail where a gate does not hold."""

from __future__ import annotations

import sys
from pathlib import Path

from llmopt.cli.output import Destination, write
from llmopt.cli.progress import ProgressLine
from llmopt.cli.quantize_asked import Typed, check, config_of
from llmopt.core.check import with_others
from llmopt.errors import CheckFailed
from llmopt.models.auto.remarks import checks
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.report import QuantizeReport
from llmopt.report import quantize_json, quantize_view


def run(typed: Typed, to: Destination, *, brief: bool = False) -> None:
    """Do what the user typed.

    Args:
        typed: all options.
        to: where the report goes.
        brief: no background in the report.

    Raises:
        LlmoptError: what is wrong with the options, the checkpoint or the data.
        CheckFailed: the report is out, and a gate does not hold.
    """
    config = config_of(typed)
    check(typed)
    report = _quantized(typed, config, quiet=to.quiet)
    view = quantize_view.view(report, max_quality_drop=_gate(config), brief=brief)
    held = with_others(checks(config, report.quality, report.speedup), report.failures, "gates")
    write(view, quantize_json.payload(report), to, held)
    if report.failures:
        raise CheckFailed("\n".join(report.failures))


def _gate(config: QuantizeConfig) -> float | None:
    """Return the quality drop that variants were held against; None where there was no data for it."""
    if config.max_quality_drop is not None or config.target != "cpu" or config.data is None:
        return config.max_quality_drop
    from llmopt.models.auto.candidates import DEFAULT_GATE  # loads torch, which the run has done by now

    return DEFAULT_GATE


def _quantized(typed: Typed, config: QuantizeConfig, *, quiet: bool) -> QuantizeReport:
    from llmopt.models.quantizing.api import quantize  # torch loads here and not before a typo is told

    name = Path(typed.src).name or typed.src
    try:
        with ProgressLine(quiet=quiet) as line:
            line(0, 0, f"reading {name}")
            return quantize(typed.src, typed.dst, config, progress=line)
    except KeyboardInterrupt:
        if config.target != "cpu" and not quiet:
            sys.stderr.write("llmopt: stopped; the same command with --resume goes on\n")
        raise
