"""`llmopt.models.quantize`: make a checkpoint smaller or a model faster, and say what that did to its answers.

Two routes. A checkpoint for transformers or vLLM is streamed from file to file (`quantize_checkpoint`), and no model is
loaded unless there are texts to compare answers on. For a CPU the model is loaded, and ways to run it are measured
(`llmopt.models.auto`). Data, options and gates are looked at first, so that nothing is converted for a mistake.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from llmopt.errors import LlmoptError
from llmopt.models.auto.remarks import check_gates, failures
from llmopt.models.quality.data import Sample, read_samples
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.report import QuantizeReport
from llmopt.models.quantizing.route import quantize_checkpoint
from llmopt.models.quantizing.rules import unmatched

Progress = Callable[[int, int, str], None]
"""Called with how much is done, how much there is (bytes, or steps of a search), and what is being done."""
_DEFAULT = QuantizeConfig()
_NO_DATA = "no --data: nothing is known of the quality of answers, only of the error of weights"


def quantize(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    config: QuantizeConfig = _DEFAULT,
    *,
    progress: Progress | None = None,
) -> QuantizeReport:
    """Quantize a checkpoint into a new folder and report sizes, error, quality, speed and cost.

    Gates of the user that do not hold are in `failures` of the report; the result is written all the same.

    Args:
        src: folder of a checkpoint, or one file of safetensors.
        dst: folder to make; must not exist.
        config: how.
        progress: called now and then with (done, total, what is being done); a total of 0 is not known.

    Raises:
        UsageError: options that do not go together, or cannot be had on this machine.
        InputError: no checkpoint, a damaged one, or data that cannot be read.
        OutOfMemory: the model does not fit (only for a CPU, where it is loaded).
    """
    check_gates(config)
    if config.target == "cpu":
        from llmopt.models.auto.route import quantize_for_cpu  # transformers, which the other route has no memory for

        report = quantize_for_cpu(src, dst, config, progress=progress)
        return replace(report, warnings=(*report.warnings, *_unmatched(report, config)))
    said: list[str] = []
    samples = read_samples(config.data, refused=said.append) if config.data is not None else ()
    tell = progress or _silent
    report = quantize_checkpoint(src, dst, config, lambda done, total: tell(done, total, f"writing {os.fspath(dst)}"))
    found: Quality | None = None
    if samples:
        tell(0, 0, f"comparing answers on {len(samples):,} inputs")
        found, why = _quality(src, dst, samples, config)
        said += [*why, *(found.warnings if found is not None else ())]
    else:
        said.append(_NO_DATA)
    said += _unmatched(report, config)
    return replace(
        report,
        quality=found,
        failures=(*report.failures, *failures(config, found, None)),
        warnings=tuple(dict.fromkeys((*report.warnings, *said))),
    )


def _unmatched(report: QuantizeReport, config: QuantizeConfig) -> list[str]:
    """Say which patterns to skip left nothing alone because nothing is called so: a typo keeps no layer."""
    names = [*(layer.name for layer in report.layers), *(tensor.name for tensor in report.kept)]
    return [f"--skip {pattern}: no tensor or module is called so" for pattern in unmatched(config.skip, names)]


def _silent(done: int, total: int, text: str) -> None:
    """Tell nobody."""


def _quality(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    samples: Sequence[Sample],
    config: QuantizeConfig,
) -> tuple[Quality | None, list[str]]:
    """Return the quality of the result, or why it is not known: the files stay in any case."""
    from llmopt.models.quantizing.answers import compared  # transformers, only where there is data
    from llmopt.models.stored.source import as_safetensors

    try:
        with tempfile.TemporaryDirectory(prefix="llmopt-") as scratch:
            home = as_safetensors(src, Path(scratch), trust_pickle=config.trust_pickle)
            return compared(home, dst, samples, config), []
    except LlmoptError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return None, [f"{os.fspath(dst)} is written, but quality was not measured: {error.message}{hint}"]
