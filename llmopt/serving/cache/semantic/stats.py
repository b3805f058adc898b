"""How the questions of a semantic cache have fared, in counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SemanticStats:
    """How the questions of a semantic cache have fared since it was made."""

    entries: int
    """Questions that can be found now."""
    size_bytes: int
    """Of these, about."""
    evicted: int
    """Questions that made room for others."""
    looked: int
    """Questions that were looked for."""
    found: int
    """Those whose answer was there; in shadow mode those that would have been served."""
    far: int
    """Those that the guard let pass, and whose cosine was below the threshold."""
    unread: int
    """Those that the guard let pass, and that the embedder could not read whole or gave no usable vector for."""
    errors: int
    """Calls of the embedder that failed; each was taken for a miss."""
    last_error: str
    compared: int
    """Shadow mode: would-be hits whose own answer has come."""
    same: int
    """Of those compared: both answers say the same text."""
    alike: int
    """Of those compared: the same text, or texts whose cosine reaches the threshold."""
