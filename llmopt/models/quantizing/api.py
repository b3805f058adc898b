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
from llmopt.models.auto.gates import check_gates, failures
from llmopt.models.quality.data import Sample, read_samples
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.report import QuantizeReport
from llmopt.models.quantizing.route import quantize_checkpoint

Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is: bytes of a checkpoint, steps of a search."""
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
        progress: called now and then with (done, total).

    Raises:
        UsageError: options that do not go together, or cannot be had on this machine.
        InputError: no checkpoint, a damaged one, or data that cannot be read.
        OutOfMemory: the model does not fit (only for a CPU, where it is loaded).
    """
    check_gates(config)
    if config.target == "cpu":
        from llmopt.models.auto.route import quantize_for_cpu  # transformers, which the other route has no memory for

        return quantize_for_cpu(src, dst, config, progress=progress)
    said: list[str] = []
    samples = read_samples(config.data, refused=said.append) if config.data is not None else ()
    report = quantize_checkpoint(src, dst, config, progress)
    found: Quality | None = None
    if samples:
        found, why = _quality(src, dst, samples, config, report.bytes_before)
        said += [*why, *(found.warnings if found is not None else ())]
    else:
        said.append(_NO_DATA)
    return replace(
        report,
        quality=found,
        failures=(*report.failures, *failures(config, found, None)),
        warnings=tuple(dict.fromkeys((*report.warnings, *said))),
    )


def _quality(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    samples: Sequence[Sample],
    config: QuantizeConfig,
    size_bytes: int,
) -> tuple[Quality | None, list[str]]:
    """Return the quality of the result, or why it is not known: the files stay in any case."""
    from llmopt.models.quantizing.answers import compared  # transformers, only where there is data
    from llmopt.models.stored.source import as_safetensors

    try:
        with tempfile.TemporaryDirectory(prefix="llmopt-") as scratch:
            home = as_safetensors(src, Path(scratch), trust_pickle=config.trust_pickle)
            return compared(home, dst, samples, config, size_bytes=size_bytes), []
    except LlmoptError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return None, [f"{os.fspath(dst)} is written, but quality was not measured: {error.message}{hint}"]
