"""What a run is made of, in two lines of text: whether answers and checkpoints on disk are of this very run."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from llmopt import __version__
from llmopt.models.distill.config import DistillConfig
from llmopt.models.distill.values import Item, Teacher

_NOT_OF_THE_WEIGHTS = ("resume", "min_quality", "min_speedup", "price_per_month", "eval")
"""Settings that change nothing in the student."""


@dataclass(frozen=True, slots=True)
class Made:
    """What is made of what; equal only where the results are."""

    answers: str
    """Of the teacher."""
    training: str


def made_of(config: DistillConfig, teacher: Teacher, items: Iterable[Item]) -> Made:
    """Return what a run is made of.

    Args:
        config: of the run.
        teacher: its weights are told by the sizes and times of its files.
        items: all texts, in their order.
    """
    digest = hashlib.sha256()
    for item in items:
        for ids in (item.teacher_ids, item.student_ids, item.wanted, [-1 if item.label is None else item.label]):
            digest.update(len(ids).to_bytes(8, "little"))
            digest.update(array("q", ids).tobytes())
    weights = sorted(teacher.home.glob("*.safetensors"))
    files = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in weights]
    common = {
        "llmopt": __version__,
        "teacher": str(teacher.home.resolve()),
        "files": files,
        "texts": digest.hexdigest(),
    }
    answers = common | {"loss": config.loss, "temperature": config.temperature, "seed": config.seed}
    settings = {name: value for name, value in asdict(config).items() if name not in _NOT_OF_THE_WEIGHTS}
    return Made(*(json.dumps(made, sort_keys=True, default=str) for made in (answers, common | settings)))
