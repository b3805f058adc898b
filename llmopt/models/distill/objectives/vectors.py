"""Encoders: the teacher's vector of each text, and what it makes of each token where the student is built alike.

The loss is a weighted sum, and by default
`cosine_loss + 0.1 · similarity_loss + hidden_cosine_loss` over the last states of all tokens. The states tell the
student about each token what the one vector tells only about their mean. They take room on disk: for more texts than
fit in `states.STATES_BYTES` that part is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llmopt.errors import MissingExtraError, UsageError
from llmopt.models.distill.losses.tokens import hidden_cosine_loss
from llmopt.models.distill.losses.vectors import cosine_loss, neighbour_loss, relation_loss, similarity_loss
from llmopt.models.distill.objectives.projection import Projection
from llmopt.models.distill.objectives.states import states_column, too_many, width_of
from llmopt.models.distill.values import Batch, Column, Student, Targets, Teacher
from llmopt.models.encoder import pooled_vectors

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

COSINE_WEIGHT = 1.0
SIMILARITY_WEIGHT = 0.1
NEIGHBOUR_WEIGHT = 0.0
STATES_WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class VectorWeights:
    """Of the parts of the loss; one of 0 is not computed."""

    cosine: float = COSINE_WEIGHT
    similarity: float = SIMILARITY_WEIGHT
    neighbours: float = NEIGHBOUR_WEIGHT
    states: float = STATES_WEIGHT
    """Of the cosine of the last states of each token; only between models of the same width."""
    relations: float = 0.0
    """Of `relation_loss` between the last states, which may differ in width."""
    heads: int = 12
    """Pieces of the relations; both widths are multiples of it."""


DEFAULT_WEIGHTS = VectorWeights()


class Vectors:
    """What an encoder learns.

    Args:
        teacher: that embeds.
        student: whose vectors are as wide as the teacher's or narrower: then it learns their principal components.
        tokens: of all texts.
        weights: of the parts of the loss.

    Attributes:
        columns: `vectors` of each text, and perhaps `states` of each token.
        dropout: off: what is learned is a function without noise, of which there is as much as there are texts.

    Raises:
        UsageError: the student's vectors are wider, or weights that make no sense for these models.
    """

    dropout = False

    def __init__(
        self, teacher: Teacher, student: Student, *, tokens: int, weights: VectorWeights = DEFAULT_WEIGHTS
    ) -> None:
        self._teacher, self._pooling, self._own_pooling = teacher.model, teacher.layout.pooling, student.layout.pooling
        wide, own = width_of(teacher.model), width_of(student.model)
        if own > wide:
            raise UsageError(
                f"the student's vectors have {own:,} numbers, the teacher's {wide:,}: nobody says what the others are",
                f"take a student with a hidden_size of {wide:,} or less",
            )
        self._projection = Projection(own) if own < wide else None
        self._weights = weights
        aligned = _same_tokens(teacher, student) and _layers(student.model) > 0
        if weights.relations:
            _check_relations(aligned, (wide, own), weights.heads)
        self._states = bool(weights.states) and aligned and own == wide
        kept = self._states or bool(weights.relations)
        self._without = too_many(tokens, wide) if kept else ""
        if self._without:
            kept = self._states = False
        self._relations = kept and bool(weights.relations)
        vectors = Column("vectors", "text", wide, "float32")
        self.columns: tuple[Column, ...] = (vectors, states_column(wide)) if kept else (vectors,)

    def prepare(self, targets: Targets) -> tuple[str, ...]:
        """Find the directions that a narrower student learns, and say what it does not learn."""
        said = () if self._projection is None else (self._projection.fit(targets),)
        return (*said, self._without) if self._without else said

    def answers(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the teacher's `vectors`, `(texts, width)` of length 1, and `states`, `(tokens, width)`."""
        states = self._teacher(input_ids=ids, attention_mask=mask).last_hidden_state
        found = {"vectors": pooled_vectors(states, mask, self._pooling)}
        return found if len(self.columns) == 1 else found | {"states": states[mask.bool()]}

    def loss(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the parts that have a weight, and the weighted sum as `total`."""
        weights = self._weights
        states = model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        own, wanted = pooled_vectors(states, batch.mask, self._own_pooling), batch.targets["vectors"]
        near = wanted if self._projection is None else self._projection(wanted)
        parts: dict[str, tuple[float, torch.Tensor]] = {"cosine": (weights.cosine, cosine_loss(own, near))}
        if weights.similarity:
            parts["similarity"] = weights.similarity, similarity_loss(own, wanted)
        if weights.neighbours:
            parts["neighbours"] = weights.neighbours, neighbour_loss(own, wanted)
        if self._states:
            there = states[batch.mask.bool()]
            parts["states"] = weights.states, hidden_cosine_loss(there, batch.targets["states"])
        if self._relations:
            padded = _padded(batch.targets["states"], batch.mask)
            parts["relations"] = weights.relations, relation_loss(states, padded, batch.mask, heads=weights.heads)
        total = torch.stack([weight * part for weight, part in parts.values()]).sum()
        return {name: part for name, (_, part) in parts.items()} | {"total": total}


def _layers(model: Any) -> int:
    return int(getattr(model.config.get_text_config(), "num_hidden_layers", 1))


def _same_tokens(teacher: Teacher, student: Student) -> bool:
    """Return whether both read the same tokens of each text."""
    cut = student.max_tokens == teacher.max_tokens and student.layout.lower == teacher.layout.lower
    return cut and not student.own_tokens


def _check_relations(aligned: bool, widths: tuple[int, int], heads: int) -> None:
    if not aligned:
        raise UsageError("relations between tokens need the same tokens, and layers", "set their weight to 0")
    if heads < 1 or any(width % heads for width in widths):
        wide, own = widths
        raise UsageError(f"{heads} heads do not divide widths of {wide} and {own}", "take a number that divides both")


def _padded(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return states of tokens, `(tokens, width)`, as `(texts, longest, width)`."""
    padded = states.new_zeros((*mask.shape, states.shape[1]))
    padded[mask.bool()] = states
    return padded
