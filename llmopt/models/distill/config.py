"""What a user asks of `llmopt distill`: the fields are the flags of the command."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from llmopt.errors import UsageError

Loss = Literal["kd", "embed", "lm"]
LOSSES: tuple[Loss, ...] = get_args(Loss)
EPOCHS = 3
STUDENT = "layers=half"
MOST_EPOCHS = 100_000
PATIENCE = 5


@dataclass(frozen=True, slots=True)
class DistillConfig:
    """How to train a student.

    Raises:
        UsageError: values that make no sense, or not together.
    """

    student: str = STUDENT
    """`layers=N`, `layers=0,2,5` (of the teacher's, from 0), `layers=half`, `static`, a `config.json`, or the folder
    of a checkpoint."""
    loss: Loss | None = None
    """`kd`: a classifier's classes; `embed`: sentence vectors; `lm`: tokens of a causal or a masked language model.
    None: by what the teacher is for."""
    temperature: float | None = None
    """Of the softmax that both distributions are taken with (`kd`, `lm`). None: 3 for classes, 2 for words behind
    masks, 1 for next tokens, of which only the likeliest are kept."""
    soft_weight: float = 0.9
    """Share of the teacher's answers in the loss; the rest is of the labels (`kd`) or of the text itself (`lm`)."""
    epochs: int | None = None
    """Passes over the data; None: `EPOCHS`, or with `max_time_s` as many as there is time for."""
    max_time_s: float | None = None
    """Seconds for the teacher's answers and the training together, after which training ends with its learning rate
    at 0; None: no limit. With it the result depends on how fast the machine is."""
    batch_size: int = 64
    """Texts of a batch at most; fewer where they are long."""
    lr: float | None = None
    """Highest learning rate; None: the one of the student's kind."""
    seed: int = 0
    """Of the order of batches, of masks, and of weights that come from nowhere."""
    patience: int | None = PATIENCE
    """Looks at the validation texts in a row without a gain after which training ends; there are about ten in a run.
    None: it goes on to the end, and the last weights are kept instead of the best."""
    resume: bool = False
    """Go on where a run that was stopped left its checkpoint."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:N`, `mps`, or `auto`."""
    eval: str | None = None
    """File of inputs for the proof; None: a part of the data that is held out."""
    min_quality: float | None = None
    """Share of the teacher's quality that must be kept, 0.95 is 95 %; None: no gate."""
    min_speedup: float | None = None
    """Times faster than the teacher; None: no gate."""
    price_per_month: Decimal | None = None
    """Dollars that the teacher's machines cost now."""

    def __post_init__(self) -> None:
        """Check the values that do not depend on the models."""
        if self.loss is not None and self.loss not in LOSSES:
            raise UsageError(f"no loss {self.loss!r}", f"take one of {', '.join(LOSSES)}")
        for name, (makes_sense, hint) in _SENSE.items():
            value = getattr(self, name)
            if value is not None and not makes_sense(value):
                raise UsageError(f"--{name.removesuffix('_s').replace('_', '-')} {value:g} makes no sense", hint)


_SENSE: dict[str, tuple[Callable[[float], bool], str]] = {
    "temperature": (lambda value: 0 < value <= 1_000, "above 0; 2 to 10 are usual"),
    "soft_weight": (lambda value: 0 <= value <= 1, "from 0 to 1, such as 0.9"),
    "epochs": (lambda value: 1 <= value <= MOST_EPOCHS, f"from 1 to {MOST_EPOCHS:,}"),
    "max_time_s": (lambda value: 0 < value < math.inf, "such as --max-time 10m"),
    "batch_size": (lambda value: value >= 1, "take 1 or more"),
    "lr": (lambda value: 0 < value <= 1, "such as --lr 3e-4"),
    "patience": (lambda value: value >= 1, "take 1 or more"),
    "seed": (lambda value: 0 <= value < 2**63, "take a whole number from 0 on"),
}
"""Field -> whether a value makes sense, and what does."""
