"""What turns a text into a vector for the semantic cache: any function, such as a sentence model of this machine."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from operator import mul
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    Vector = array[float]
    """Of length 1, in single precision."""


class Embedder(Protocol):
    """Turns texts into vectors; may be called from several threads at once."""

    def __call__(self, texts: Sequence[str], /) -> Sequence[Sequence[float] | None]:
        """Return one vector a text, of any length but all of the same; None for a text that it cannot read whole."""
        ...


def units(embed: Embedder, texts: Sequence[str]) -> list[Vector | None]:
    """Return the vectors of texts, each brought to length 1; None where there is none, or it is zero or not finite.

    Raises:
        ValueError: the embedder does not give one vector a text.
        Exception: whatever the embedder raises.
    """
    vectors = embed(texts)
    if len(vectors) != len(texts):
        raise ValueError(f"the embedder gave {len(vectors)} vectors for {len(texts)} texts")
    return [None if vector is None else _unit(vector) for vector in vectors]


def cosine(one: Vector, other: Vector) -> float:
    """Return the cosine of two vectors of length 1 and of one size, from -1 to 1."""
    return max(-1.0, min(1.0, math.fsum(map(mul, one, other))))


def _unit(vector: Sequence[float]) -> Vector | None:
    values = [float(value) for value in vector]
    length = math.hypot(*values)
    if not math.isfinite(length) or length == 0:
        return None
    return array("f", [value / length for value in values])
