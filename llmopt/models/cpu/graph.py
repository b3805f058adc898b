"""What stands for a model of transformers where another engine computes it as one graph.

It is called as that model is, with token ids and a mask, and gives what the tasks here read: the vectors of the last
layer, or the logits of the classes.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.models.loading import unwarned

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error

INPUTS = ("input_ids", "attention_mask")
ANSWERS = {"embed": "last_hidden_state", "classify": "logits"}
"""Task -> what the model of transformers calls its answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one batch, under the name that transformers has for it; the other is None."""

    last_hidden_state: torch.Tensor | None = None
    logits: torch.Tensor | None = None

    def __getitem__(self, at: int) -> torch.Tensor:
        """Return the answers that there are, by number, as transformers does."""
        return [one for one in (self.last_hidden_state, self.logits) if one is not None][at]


@dataclass(frozen=True, slots=True)
class GraphModel:
    """A compiled graph."""

    run: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    """From token ids and mask, both int64 and of requests times tokens, to the answer in float32."""
    write: Callable[[Path], None]
    """Saves the graph into a folder."""
    config: Any
    """Settings of the model of transformers."""
    answer: str
    """Its name, one of `ANSWERS`."""
    layers: tuple[str, ...]
    """Linear layers that are in 8 bits."""

    def __call__(self, *, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Answer:
        """Compute one batch."""
        return Answer(**{self.answer: self.run(input_ids, attention_mask)})


class Traced(torch.nn.Module):
    """The forward pass of a model with one output, for engines that follow it.

    Args:
        model: of transformers.
        answer: name of its output.
    """

    def __init__(self, model: Any, answer: str) -> None:
        super().__init__()
        self.inner = model
        self._answer = answer
        known = inspect.signature(model.forward).parameters
        self._more = {"use_cache": False} if "use_cache" in known else {}  # keys and values are no answer

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the answer to a batch."""
        given = self.inner(input_ids=input_ids, attention_mask=attention_mask, **self._more)
        found: torch.Tensor = getattr(given, self._answer)
        return found


@contextmanager
def quietly() -> Iterator[None]:
    """Show no warnings below: of what torch will drop some day, and of branches that a traced model always takes."""
    with warnings.catch_warnings(), unwarned():
        warnings.simplefilter("ignore")
        yield


def example(known_tokens: int) -> dict[str, torch.Tensor]:
    """Return a batch to follow the forward pass with: two requests, one of them padded."""
    ids = torch.arange(2 * 7).reshape(2, 7) % max(known_tokens, 1)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    return dict(zip(INPUTS, (ids, mask), strict=True))
