"""`llmopt.models.distill.distill`: train a student into a new folder, and report on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from llmopt.models.device import open_device
from llmopt.models.distill.config import DistillConfig
from llmopt.models.distill.distiller import Distiller
from llmopt.models.distill.report import DistillReport
from llmopt.models.distill.run import SNAPSHOTS, Data, Progress
from llmopt.models.distill.training.devices import devices_of, own_device
from llmopt.models.distill.training.snapshot import FILE as SNAPSHOT
from llmopt.models.distill.training.snapshot import refuse_other
from llmopt.models.located import located
from llmopt.models.quantizing.destination import atomic_folder, writing

WORK = "work"
"""Folder in the unfinished result: the teacher's answers, and checkpoints of the training."""
_DEFAULT = DistillConfig()


def distill(
    teacher: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    data: Data,
    config: DistillConfig = _DEFAULT,
    *,
    progress: Progress | None = None,
) -> DistillReport:
    """Train a student of a teacher, write it into a new folder, and report on both.

    Gates of the user that do not hold are in `failures` of the report; the student is written all the same. A run that
    was stopped, or met an error after its first checkpoint, leaves `DST.partial`, and goes on from there with
    `config.resume`.

    Args:
        teacher: folder of a checkpoint, or its name in the hub's local cache.
        dst: folder to make; must not exist.
        data: to train on: a file, or texts.
        config: how.
        progress: called now and then with (done, total, what is being done); a total of 0 is not known.

    Raises:
        UsageError: options that do not go together or with the models, or a destination that exists.
        InputError: models or data that cannot be used, or no space.
        OutOfMemory: a batch does not fit.
    """
    distiller = Distiller(teacher, config.student, config.loss, config=config)
    unfinished = Path(dst).resolve()
    unfinished = unfinished.with_name(f"{unfinished.name}.partial") / WORK
    devices = devices_of(open_device(own_device(config.device)).place)
    if devices.rank:
        devices.wait()  # until the first has made the folder
        return _placed(distiller.fit(data, config.eval, folder=unfinished, progress=progress), Path(dst))
    if config.resume:
        refuse_other(unfinished / SNAPSHOTS, config)  # an error below would remove what was left
    with atomic_folder(dst, located(teacher), resume=config.resume, worth_keeping=_has_a_checkpoint) as partial:
        work = partial / WORK
        with writing(work):
            work.mkdir(exist_ok=True)
        devices.wait()
        report = distiller.fit(data, config.eval, folder=work, progress=progress)
        if progress is not None:
            progress(0, 0, f"writing {os.fspath(dst)}")
        distiller.save(partial)
        shutil.rmtree(work)
    return _placed(report, Path(dst))


def _has_a_checkpoint(partial: Path) -> bool:
    """Return whether training had come so far: hours of it do not go because a disk is full."""
    return (partial / WORK / SNAPSHOTS / SNAPSHOT).exists()


def _placed(report: DistillReport, dst: Path) -> DistillReport:
    size = replace(report.student_size, name=str(dst))
    return replace(report, destination=str(dst), student_size=size, load_line=_LOADS[report.task](str(dst)))


def _opened(dst: str) -> str:
    return f"import llmopt.models; model = llmopt.models.open_model({dst!r})"


def _filled(dst: str) -> str:
    return f"import transformers; model = transformers.AutoModelForMaskedLM.from_pretrained({dst!r})"


_LOADS: dict[str, Callable[[str], str]] = {
    "classify": _opened,
    "embed": _opened,
    "generate": _opened,
    "fill": _filled,
}
"""What a model is for -> the line of Python that loads it."""
