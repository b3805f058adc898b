"""What is served, and how much of it one request may ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llmopt.errors import UsageError

Encode = Callable[[Sequence[str]], list[Any]]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model as the server sees it: functions and facts."""

    name: str
    """What clients call it."""
    task: str
    """`embed` (results are vectors), `classify`, `generate`, or `callable`; any but the first gives `/predict` only."""
    predict: Callable[[list[Any]], list[Any]]
    """From requests to as many results. Called off the event loop, one batch at a time."""
    encode: Encode | None = None
    """From texts to requests, which are lists of token ids, cut to `max_tokens`. Called on several threads at once.
    None: texts are the requests."""
    count: Callable[[str], int] | None = None
    """Tokens of a text before it is cut, by which longer texts are refused. None: they are served as they are cut."""
    length: Callable[[Any], int] | None = None
    """Tokens of a request, for the batcher; None: they are not counted."""
    max_tokens: int | None = None
    """Longest request; None: no limit."""
    vocabulary: int | None = None
    """Token ids from 0 up to it can be sent in place of text; None: text only."""
    show: Callable[[Any], Any] | None = None
    """From a result to what JSON can say; None: it can say it already, or it has `tolist`, as arrays have."""
    warm_up: Sequence[str] = ()
    """Texts to run before the server says that it is ready."""
    facts: tuple[tuple[str, str], ...] = ()
    """Names and values that `/metrics` tells of it, such as `("device", "cpu")`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one HTTP request may ask for."""

    max_body_bytes: int = 4 * 2**20
    """Longer bodies get 413."""
    max_inputs: int = 2048
    """Inputs in one request; more get 400."""
    timeout_s: float = 60.0
    """From the headers to the answer; later ones get 504, and what was not computed yet never is."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.max_body_bytes < 1 or self.max_inputs < 1:
            raise UsageError("the limits on body and inputs are at least 1")
        if not 0 < self.timeout_s < float("inf"):
            raise UsageError(f"timeout_s is {self.timeout_s}; more than 0 is needed")
