"""Distillation: train a small model (the student) to answer as a big one (the teacher), and prove what was kept.

Data flows one way: `corpus` reads and splits the texts, `opening` loads the teacher, `students` makes the student,
`objectives` say what is to be learned, `targets` keeps the teacher's answers on disk, `training` trains, `proof` puts
both side by side on texts that neither training nor stopping has seen, and `written` saves an ordinary checkpoint.
`distiller` puts these together; `losses` are pure functions that a loop of your own can use.

Importing this loads no heavy library; its names load theirs on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmopt.models.distill.api import distill
    from llmopt.models.distill.config import DistillConfig
    from llmopt.models.distill.distiller import Distiller
    from llmopt.models.distill.losses.classes import kd_loss, multi_label_kd_loss
    from llmopt.models.distill.losses.tokens import (
        causal_lm_loss,
        hidden_cosine_loss,
        masked_lm_loss,
        token_kd_loss,
        top_kd_loss,
        triple_loss,
    )
    from llmopt.models.distill.losses.vectors import cosine_loss, neighbour_loss, relation_loss, similarity_loss
    from llmopt.models.distill.report import DistillReport

__all__ = [
    "DistillConfig",
    "DistillReport",
    "Distiller",
    "causal_lm_loss",
    "cosine_loss",
    "distill",
    "hidden_cosine_loss",
    "kd_loss",
    "masked_lm_loss",
    "multi_label_kd_loss",
    "neighbour_loss",
    "relation_loss",
    "similarity_loss",
    "token_kd_loss",
    "top_kd_loss",
    "triple_loss",
]

_PARTS = {
    "api": ("distill",),
    "config": ("DistillConfig",),
    "distiller": ("Distiller",),
    "losses.classes": ("kd_loss", "multi_label_kd_loss"),
    "losses.tokens": (
        *("causal_lm_loss", "hidden_cosine_loss", "masked_lm_loss", "token_kd_loss", "top_kd_loss", "triple_loss"),
    ),
    "losses.vectors": ("cosine_loss", "neighbour_loss", "relation_loss", "similarity_loss"),
    "report": ("DistillReport",),
}
_HOMES = {name: f"{__name__}.{part}" for part, names in _PARTS.items() for name in names}
"""Exported name -> the module that holds it."""


def __getattr__(name: str) -> object:
    """Load an exported name from its module the first time it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the exported names, loaded or not."""
    return sorted({*globals(), *__all__})
