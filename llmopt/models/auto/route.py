"""The CPU route from a checkpoint to a report: open, measure, choose, save, open again, measure that, tell."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from llmopt.errors import InputError
from llmopt.models.auto.candidates import title
from llmopt.models.auto.explore import MOST_TEXTS, enough_texts, explore
from llmopt.models.auto.opening import computing_with, opened
from llmopt.models.auto.progress import Peak, Steps
from llmopt.models.auto.report import Spent, report_of
from llmopt.models.auto.written import written
from llmopt.models.cpu.recipe import recipes
from llmopt.models.located import located
from llmopt.models.others import Others
from llmopt.models.quality.data import Sample, halves, read_samples, text_hash
from llmopt.models.quality.remarks import counted
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.destination import atomic_folder
from llmopt.models.quantizing.report import QuantizeReport

Progress = Callable[[int, int, str], None]
_FEWEST = 3
"""Different texts of a half: of two, each is the other's nearest with any model."""


def quantize_for_cpu(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    config: QuantizeConfig,
    *,
    progress: Progress | None = None,
) -> QuantizeReport:
    """Find the fastest way to run a model on this processor within the gate, and write it.

    Args:
        src: folder of the checkpoint, or its name in the hub's local cache.
        dst: folder to make; must not exist.
        config: how; a `scheme` other than `auto` leaves less to choose from.
        progress: called with (steps done, steps foreseen, what is being done).

    Raises:
        UsageError: options that do not go together, or cannot be had here.
        InputError: no checkpoint, or data that cannot be read.
        OutOfMemory: the model does not fit.
    """
    began_s, peak, others = time.perf_counter(), Peak(), Others()
    others.start()
    folder = located(src)
    said: list[str] = []
    choosing, held_out = _inputs(config, said)
    with (
        tempfile.TemporaryDirectory(prefix="llmopt-") as scratch,
        atomic_folder(dst, folder) as partial,
        computing_with(config.threads),
    ):
        start = opened(folder, Path(scratch), choosing, config)
        source, steps = start.subject.source, Steps(1, progress)
        texts = enough_texts(source, start.subject.requests, choosing) if choosing else MOST_TEXTS
        known = recipes(source.facts.task, calibrated=bool(choosing))
        explored, at = explore(start.subject, known, config, steps, texts=texts)
        with steps.during(f"judging {title(explored.trials[at].recipe)} as it was written"):
            result = written(start, explored, explored.trials[at].recipe, held_out, partial, config, texts=texts)
        spent = Spent(time.perf_counter() - began_s, *peak.read(), others.share())
        return report_of((str(src), str(dst)), config, start, explored, at, result, spent, said)


def _inputs(config: QuantizeConfig, said: list[str]) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Return the inputs to choose by and those held out; none of either without data."""
    if config.data is None:
        return (), ()
    found = halves(read_samples(config.data, refused=said.append))
    different = [len({text_hash(sample.text) for sample in half}) for half in found]
    if min(different) < _FEWEST:
        raise InputError(
            f"{config.data}: {counted(sum(different))}, too few to choose on one half and to judge on the other",
            "give some hundreds",
        )
    return found
