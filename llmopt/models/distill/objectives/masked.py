"""Masked language models: the teacher's likeliest words behind each mask, the words themselves, and hidden states.

These are the three parts of DistilBERT (Sanh and others, 2019, arXiv 1910.01108). Its weights are 5, 2 and 1, so the
hidden states count for a seventh of what the other two do together; how these two share is `soft_weight`. The teacher's
words count at masked places only, where they say most, so that a seventh of the answers is kept on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.models.distill.losses.tokens import TRIPLE_WEIGHTS, hidden_cosine_loss, masked_lm_loss, top_kd_loss
from llmopt.models.distill.objectives.likeliest import likeliest, little_kept, top_columns
from llmopt.models.distill.objectives.states import states_column, too_many, width_of
from llmopt.models.distill.values import Batch, Column, Student, Targets, Teacher

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

NOTHING = -100
"""In `wanted` where nothing is masked."""
HIDDEN_WEIGHT = TRIPLE_WEIGHTS[2] / (TRIPLE_WEIGHTS[0] + TRIPLE_WEIGHTS[1])


class Masked:
    """What a masked language model learns.

    The loss is `soft_weight · top_kd_loss + (1 - soft_weight) · masked_lm_loss + 1/7 · hidden_cosine_loss`, the last
    where both models have the same width and the states of all tokens do not take too much room.

    Args:
        teacher: that fills.
        student: with the same tokens.
        temperature: of both in the first part.
        soft_weight: share of the teacher's answers.
        tokens: of all texts.

    Attributes:
        columns: `top_counts`, the masked places of each text; `top_values` and `top_ids` of each of them; `states` of
            each token.
        dropout: off; see `NextTokens`.
    """

    dropout = False

    def __init__(
        self, teacher: Teacher, student: Student, *, temperature: float, soft_weight: float, tokens: int
    ) -> None:
        self._teacher, self._known_tokens = teacher.model, teacher.known_tokens
        self._temperature, self._soft_weight = temperature, soft_weight
        wide, own = width_of(teacher.model), width_of(student.model)
        self._without = too_many(tokens, wide)
        if own != wide:
            self._without = f"hidden states of the student have {own:,} numbers, the teacher's {wide:,}: not compared"
        values, ids = top_columns(teacher.known_tokens)
        self._top = values.width
        columns = (Column("top_counts", "text", 1, "int32"), values, ids)
        self.columns: tuple[Column, ...] = columns if self._without else (*columns, states_column(wide))

    def prepare(self, targets: Targets) -> tuple[str, ...]:
        """Say what the student does not learn."""
        said = little_kept(targets, self._known_tokens, self._temperature) if self._soft_weight else ()
        return (*said, self._without) if self._without else said

    def answers(
        self, ids: torch.Tensor, mask: torch.Tensor, wanted: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Return the teacher's answers.

        Args:
            ids: `(texts, longest)`, with masks in it.
            mask: `(texts, longest)`.
            wanted: `(texts, longest)`: see `Item.wanted`; None: nothing is masked.

        Returns:
            `top_counts` `(texts, 1)`, `top_values` and `top_ids` `(places, top)`, and `states` `(tokens, width)`.
        """
        places = torch.zeros_like(ids, dtype=torch.bool) if wanted is None else wanted != NOTHING
        logits, states = self._computed(self._teacher, ids, mask, places)
        found = likeliest(logits, self._top, self._temperature) | {"top_counts": places.sum(1, keepdim=True).int()}
        return found if self._without else found | {"states": states}

    def loss(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the parts `soft`, `words` and `hidden`, and the weighted sum as `total`."""
        places = batch.wanted != NOTHING
        logits, states = self._computed(model, batch.ids, batch.mask, places)
        top = batch.targets["top_values"], batch.targets["top_ids"]
        soft = top_kd_loss(logits, *top, temperature=self._temperature)
        words = masked_lm_loss(logits, batch.wanted[places])
        total = self._soft_weight * soft + (1 - self._soft_weight) * words
        if self._without:
            return {"soft": soft, "words": words, "total": total}
        hidden = hidden_cosine_loss(states, batch.targets["states"])
        return {"soft": soft, "words": words, "hidden": hidden, "total": total + HIDDEN_WEIGHT * hidden}

    def _computed(
        self, model: Any, ids: torch.Tensor, mask: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits, `(places, vocabulary)`, and the last states of all tokens, `(tokens, width)`."""
        with only(model, places):
            found = model(input_ids=ids, attention_mask=mask, output_hidden_states=not self._without)
        logits = found.logits if found.logits.ndim == 2 else found.logits[places]
        states = logits if self._without else found.hidden_states[-1][mask.bool()]
        return logits, states


@contextmanager
def only(model: Any, places: torch.Tensor) -> Iterator[None]:
    """Have a model give logits, `(places, vocabulary)`, of some places only where its last layer can be found.

    One token in seven is masked, and logits of all tokens are most of the work of a small student.

    Args:
        model: of transformers, perhaps in a wrapper.
        places: `(texts, longest)`, of booleans.
    """

    def chosen(_: Any, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        states = given[0] if given else None
        fits = isinstance(states, torch.Tensor) and states.ndim == 3 and states.shape[:2] == places.shape
        return (states[places], *given[1:]) if fits and states is not None else None

    last = getattr(model, "module", model).get_output_embeddings()
    if last is None:
        yield
        return
    hook = last.register_forward_pre_hook(chosen)
    try:
        yield
    finally:
        hook.remove()
