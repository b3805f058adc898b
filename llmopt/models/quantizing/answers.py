"""Quality of a checkpoint that was quantized: both are opened, and their answers on the user's inputs are compared.

The conversion itself needs little memory, the comparison needs room for whole models. Where there is none, or the model
is of no architecture that can be opened, the files stay and the reason is told.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from llmopt.errors import InputError, OutOfMemory
from llmopt.models.checkpoint import open_model
from llmopt.models.loaded import LoadedModel
from llmopt.models.quality.data import Sample
from llmopt.models.quality.measure import quality, reference
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.stored.folder import open_stored
from llmopt.models.stored.values import Stored

_ROOM = 1.2
"""Memory that a model takes while it computes, by what its weights take."""
_MEMINFO, _GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def compared(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    samples: Sequence[Sample],
    config: QuantizeConfig,
) -> Quality:
    """Return how close the answers of the result are to those of its source.

    Args:
        src: folder of the source, in safetensors.
        dst: of the result.
        samples: real inputs.
        config: with the gate.

    Raises:
        LlmoptError: one of the two cannot be opened, or there is no room for both.
    """
    check_room(
        2 * computing_bytes(open_stored(src)),
        "compare them where there is more: llmopt bench DST --against SRC --data FILE",
    )
    before = open_known(src)
    answers = reference(before, samples, batch_size=config.batch_size)
    return quality(answers, open_known(dst), gate=config.max_quality_drop)


def computing_bytes(stored: Stored) -> int:
    """Return about how much memory a model takes while it computes: in float32, as a processor does."""
    return int(_ROOM * 4 * sum(tensor.parameters for tensor in stored.tensors))


def check_room(needed_bytes: int, hint: str) -> None:
    """Make sure that so much memory is free: where it is not, the system would end this process without a word.

    Args:
        needed_bytes: for both models.
        hint: what to do where there is less.

    Raises:
        OutOfMemory: there is less.
    """
    room = available_bytes()
    if room is not None and needed_bytes > room:
        raise OutOfMemory(f"both models take about {needed_bytes / 1e9:,.1f} GB, {room / 1e9:,.1f} GB are free", hint)


def open_known(folder: str | os.PathLike[str], *, device: str = "auto", dtype: str = "auto") -> LoadedModel:
    """Open a model whose architecture transformers knows: Python files of a checkpoint are never run here.

    Args:
        folder: of the checkpoint.
        device: as of `open_model`, and so is the next.
        dtype: of the numbers.

    Raises:
        LlmoptError: it cannot be opened.
    """
    try:
        return open_model(folder, device=device, dtype=dtype)
    except InputError as error:
        if "--trust-remote-code" not in error.hint:
            raise
        hint = "quantize never runs that; measure it with `llmopt bench`, which can be allowed to"
        raise InputError(error.message, hint) from error


def available_bytes(meminfo: Path = _MEMINFO, group: Path = _GROUP) -> int | None:
    """Return how much memory this process may still take; None where the system does not tell.

    Args:
        meminfo: of Linux, as proc(5) describes it.
        group: folder of the control group (version 2), whose limit may be lower.
    """
    limits = [_free(meminfo), _free_of_group(group)]
    return min((limit for limit in limits if limit is not None), default=None)


def _free(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _free_of_group(group: Path) -> int | None:
    """Files that the system only caches count as held there, and are given back when room is needed."""
    try:
        most, held = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such group, or `max`
        return None
    return most - held + int(statistics.get("inactive_file", 0))
