"""What the parts of a distillation hand to each other: the two models, and the batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from llmopt.errors import MissingExtraError
from llmopt.models.device import Device
from llmopt.models.layout import Layout
from llmopt.models.vocabulary import Vocabulary

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

DistillTask = Literal["classify", "embed", "generate", "fill"]
"""`fill`: a masked language model."""
Shape = Literal["text", "token"]


@dataclass(frozen=True, slots=True)
class Teacher:
    """The big model, loaded to be asked."""

    name: str
    """As the user named it."""
    folder: Path
    """Of the checkpoint."""
    home: Path
    """Where its `config.json`, weights and tokenizer are: `folder`, or the encoder in it."""
    task: DistillTask
    model: Any
    """Of transformers, in float32, on its device, not training."""
    device: Device
    vocabulary: Vocabulary
    """Cuts texts to what the teacher reads."""
    layout: Layout
    """Pooling and prompts; only to embed."""
    labels: tuple[str, ...]
    """Names of the classes; empty unless it classifies."""
    fill: int
    """Token id that pads."""
    mask: int | None
    """Token id of what is to be filled in; None unless it fills."""
    known_tokens: int
    max_tokens: int
    """Of a text at most."""


@dataclass(frozen=True, slots=True)
class Student:
    """The small model, to be trained."""

    model: Any
    """Of transformers, in float32, on the teacher's device."""
    origin: str
    """In words, such as `layers 0, 2, 5 of the teacher`."""
    home: Path
    """Folder whose tokenizer it reads with: the teacher's, or its own."""
    vocabulary: Vocabulary
    layout: Layout
    fill: int
    max_tokens: int
    own_tokens: bool
    """Whether its tokens are others than the teacher's."""
    learning_rate: float
    """The highest that suits it, unless the user says otherwise."""
    frozen: tuple[str, ...] = ()
    """Names of parameters that are not trained."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One kind of answer that a teacher gives, as it is kept on disk."""

    name: str
    """Such as `vectors`."""
    shape: Shape
    """A row for each text, or for each token of each text."""
    width: int
    """Numbers in a row."""
    dtype: str
    """Of numpy, such as `float32`, `float16`, `int32`."""


@dataclass(frozen=True, slots=True)
class Item:
    """One text of the data as token ids."""

    teacher_ids: Sequence[int]
    """What the teacher reads (with masks in it, to fill)."""
    student_ids: Sequence[int]
    """The same unless the student has tokens of its own."""
    label: int | None = None
    """Class by the teacher's numbers; None without one."""
    wanted: Sequence[int] = ()
    """To fill: the token id that belongs at each place that is masked, -100 elsewhere; as long as `teacher_ids`."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some texts, padded to the longest of them and no further, on the device."""

    rows: tuple[int, ...]
    """Their places in the data."""
    ids: torch.Tensor
    """`(texts, longest)`, int64: what the student reads."""
    mask: torch.Tensor
    """`(texts, longest)`, int64: 1 where there is a token."""
    targets: Mapping[str, torch.Tensor]
    """Answers of the teacher by the name of their column: `(texts, width)`, or `(tokens, width)` in the order of the
    texts, without padding."""
    labels: torch.Tensor
    """`(texts,)`, int64: classes, -100 where there is none."""
    wanted: torch.Tensor
    """`(texts, longest)`, int64: see `Item.wanted`; empty unless to fill."""
    tokens: int
    """Of the texts, padding left out."""


class Targets(Protocol):
    """Answers of a teacher that are on disk."""

    @property
    def texts(self) -> int:
        """How many texts from the first on have answers."""
        ...

    def rows(self, places: Sequence[int]) -> dict[str, torch.Tensor]:
        """Return the answers to some texts, as `Batch.targets` has them, on the CPU."""
        ...


class Objective(Protocol):
    """What a student is to learn from a teacher; one for each `DistillTask`."""

    columns: tuple[Column, ...]
    """Answers of the teacher that the loss needs."""
    dropout: bool
    """Whether the student trains with the dropout of its config."""

    def prepare(self, targets: Targets) -> tuple[str, ...]:
        """Look at the teacher's answers once before the training, the same way each time, and return warnings."""
        ...

    def answers(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the teacher's answers to a padded batch, a tensor for each column, rows as `Batch.targets` has them.

        Runs in inference mode. Where items have `wanted`, that of the batch is a third argument, padded with -100.
        """
        ...

    def loss(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the parts of the loss (scalars) with the weighted sum as `total`.

        Args:
            model: the student, perhaps wrapped by `accelerate`; called once.
            batch: with the targets of its texts.
        """
        ...
