"""What the cache keeps of an answer, what a caller hands it, and what it hands back: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored answer: always a whole one, from which the stream form is made again."""

    body: bytes
    """The whole JSON response, in UTF-8, as the model's server sent it (or as put together from its stream)."""
    tenant: str
    """Whose it is; nobody else is ever given it. Empty where there are no tenants."""
    model: str
    """As asked for in the request; empty where it names none."""
    stored_at_s: float
    """Unix time."""
    expires_at_s: float
    """Unix time from which on it is no hit."""
    usd: str = ""
    """What the call cost, as a decimal; empty where nobody said. Summed up by `stats`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model's server answered."""

    body: bytes
    """JSON in UTF-8."""
    status: int = 200
    """HTTP status."""
    cache_control: str = ""
    """The response's `Cache-Control` header."""
    complete: bool = True
    """Whether the whole answer arrived; False for a stream that was cut."""


class Found(StrEnum):
    """Where an answer came from."""

    HIT = "hit"
    """The store had it."""
    SEMANTIC = "semantic"
    """The store had the answer to a question that says the same."""
    SHARED = "shared"
    """Another caller was asking the same at the same time."""
    MISS = "miss"
    """The model was asked, and the answer was offered to the store."""
    BYPASS = "bypass"
    """The model was asked, since this request may not be answered from a store."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller gets."""

    body: bytes
    """The whole JSON response."""
    found: Found
    status: int = 200
    """HTTP status; 200 for what came from a store."""
    age_s: float = 0.0
    """How long ago it was stored; 0 for what was not."""
    key: str = ""
    """Key of the request."""
    usd: str = ""
    """What the stored answer cost when the model was asked, as a decimal; empty where nobody said, or it is new."""
