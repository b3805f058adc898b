"""Warnings beside the figures of quality: what was left out or cut, and where the inputs are too few to tell."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.models.quality.answering import Answering, cut_texts
from llmopt.models.quality.data import Sample
from llmopt.models.quality.intervals import Estimate


def counted(count: int) -> str:
    """Return `1 text` or `2 texts`."""
    return f"{count:,} text{'' if count == 1 else 's'}"


def unused(given: int, equal: int, used: int) -> list[str]:
    """Return what to say of inputs that are not compared.

    Args:
        given: inputs of the file.
        equal: of these, the ones that equal another.
        used: that are compared.
    """
    said = []
    if equal:
        said.append(f"{equal:,} of {given:,} inputs equal another: they count once")
    if used < given - equal:
        said.append(f"{used:,} of {given - equal:,} texts were used, drawn by their hash: each is compared with all")
    return said


def cut(model: Answering, samples: Sequence[Sample], requests: Sequence[list[int]]) -> list[str]:
    """Return what to say of texts that are longer than the model reads."""
    count = len(cut_texts(model, samples, requests))
    if not count:
        return []
    longest, whose = max(map(len, requests)), "its" if count == 1 else "their"
    return [f"{count:,} of {len(samples):,} texts longer than the model reads: {whose} first {longest:,} tokens count"]


def too_few(estimate: Estimate, gate: float | None) -> list[str]:
    """Return what to say where the interval of a drop holds the gate, and how many texts would tell.

    Args:
        estimate: of the drop.
        gate: most that is wanted; None: nothing is to be said.
    """
    if gate is None or not estimate.low <= gate <= estimate.high:
        return []
    needed = estimate.texts_needed(gate)
    more = f"about {_rounded(needed):,} like these would tell" if needed else "no number of texts would tell"
    low, high = (f"{100 * bound:.1f} %" for bound in (estimate.low, estimate.high))
    return [
        f"too few texts for the gate: {estimate.texts:,} show a drop between {low} and {high}, "
        f"with {100 * gate:g} % in between; {more}"
    ]


def _rounded(count: int) -> int:
    """Return a count rounded up to two digits."""
    unit = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // unit) * unit
