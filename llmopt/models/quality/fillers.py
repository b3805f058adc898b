"""Quality of a masked language model: how much likelier its reference finds the tokens that were covered.

Both models read the same texts with the same tokens covered. Perplexity is that of the covered tokens, each given all
tokens that are not: it is not the one of a causal model, and figures of the two kinds cannot be compared. Covering
one token at a time would be the pseudo-perplexity of a whole text; it takes as many passes as there are tokens.

Sources: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2019), for what is covered; Salazar et
al., "Masked Language Model Scoring" (2020), for perplexities of such models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from llmopt.core.target import TargetFacts
from llmopt.errors import InputError, MissingExtraError
from llmopt.models.quality.answering import batches
from llmopt.models.quality.data import Sample
from llmopt.models.quality.generators import of_texts
from llmopt.models.quality.language import MOST_LOGITS, Text, compared_rows
from llmopt.models.quality.remarks import counted
from llmopt.models.quality.result import Quality

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

FEWEST = 2


class Filling(Protocol):
    """What is needed of a masked language model."""

    @property
    def facts(self) -> TargetFacts:
        """Its name."""
        ...

    @property
    def known_tokens(self) -> int:
        """Token ids from 0 up to this one, itself left out, are valid."""
        ...

    def place_logits(self, requests: list[list[int]], places: list[list[int]]) -> list[torch.Tensor]:
        """Return logits, `(places, vocabulary)` in float32, at some places of each request."""
        ...


@dataclass(frozen=True, slots=True)
class Covered:
    """A text with some of its tokens covered."""

    ids: list[int]
    """What a model reads."""
    places: list[int]
    """Of the tokens that it is asked for."""
    tokens: list[int]
    """That belong there."""
    sample: Sample
    """What it is of."""


def compared(
    before: Filling, after: Filling, texts: Sequence[Covered], batch_size: int, *, gate: float | None = None
) -> Quality:
    """Compare what a model puts into places with what the reference does.

    Args:
        before: the reference.
        after: with the same tokens.
        texts: both read; those without a place are left out.
        batch_size: of texts at most.
        gate: most `drop` that is wanted: a warning says where the texts are too few to tell.

    Raises:
        InputError: fewer than two texts with a place, or an answer that is not finite.
    """
    asked = [text for text in texts if text.places]
    if len(asked) < FEWEST:
        raise InputError(
            f"{counted(len(asked))} with a covered token: at least {FEWEST} are needed", "give longer ones"
        )
    left_out = len(texts) - len(asked)
    warnings = [f"{counted(left_out)} too short to cover a token: left out"] if left_out else []
    found = [Text(0, 0.0, 0.0)] * len(asked)
    known = max(before.known_tokens, after.known_tokens)
    for batch in batches([len(text.ids) for text in asked], batch_size, MOST_LOGITS // known):
        requests, places = [asked[at].ids for at in batch], [asked[at].places for at in batch]
        both = zip(before.place_logits(requests, places), after.place_logits(requests, places), strict=True)
        for at, (mine, others) in zip(batch, both, strict=True):
            for model, logits in ((before, mine), (after, others)):
                _check(model, logits, asked[at].sample)
            found[at] = compared_rows(mine, others, torch.tensor(asked[at].tokens, device=mine.device))
    return of_texts("fill", found, before.known_tokens, warnings, gate)


def _check(model: Filling, logits: torch.Tensor, sample: Sample) -> None:
    if not bool(logits.isfinite().all()):
        raise InputError(
            f"{model.facts.name}: what it computes for {sample.where} is not finite", "its weights are damaged"
        )
