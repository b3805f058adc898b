"""What a semantic cache would get right and wrong on pairs of questions that people have judged.

A true hit is a pair that one answer fits and that would have been served; a false hit one that would have been served
and that it does not fit. Intervals are Wilson's: no false hit in thirty pairs does not show that there is none.

Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmopt.core.stats import wilson_interval
from llmopt.errors import InputError, UsageError
from llmopt.serving.cache.semantic.embedding import Embedder, cosine, units
from llmopt.serving.cache.semantic.form import form_of
from llmopt.serving.cache.semantic.guard import refusal
from llmopt.serving.cache.semantic.pairs import Pair
from llmopt.serving.cache.semantic.question import MOST_CHARS

if TYPE_CHECKING:
    from llmopt.serving.cache.semantic.embedding import Vector

THRESHOLDS = (0.9, 0.95, 0.97, 0.99)
_BATCH = 256
"""Texts for the embedder at once."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many, with Wilson's interval (95 %) of the share."""

    count: int
    of: int
    low: float
    """From 0 to 1; 0 where `of` is 0."""
    high: float
    """From 0 to 1; 1 where `of` is 0."""


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """Hits at one threshold."""

    threshold: float
    """Least cosine of a hit."""
    true_hits: Share
    """Of the pairs that say the same, without the guard."""
    false_hits: Share
    """Of the pairs that do not, without the guard."""
    guarded_true_hits: Share | None
    """With the guard; None where it was left out."""
    guarded_false_hits: Share | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair as the cache sees it."""

    pair: Pair
    cosine: float | None
    """None, and never a hit, where a text is empty or longer than the cache looks at, or where the embedder could not
    read it whole or gave no usable vector."""
    refusal: str
    """Why the guard refuses it, in a word such as `numbers`; empty where it lets it pass, or was not asked."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Outcome for all pairs."""

    same: int
    """Pairs that say the same."""
    different: int
    """Pairs that do not."""
    unread: int
    """Pairs (of either kind) without a cosine."""
    guarded: bool
    """Whether the guard was asked."""
    at: tuple[AtThreshold, ...]
    """In the order of the thresholds, ascending."""
    false_hits: tuple[Judged, ...]
    """Every pair that does not say the same and would be served at the lowest threshold (with the guard, where it was
    asked); highest cosine first."""
    refused_false_hits: tuple[Judged, ...]
    """What the guard kept from being served wrongly at the lowest threshold; highest cosine first."""
    refused_true_hits: tuple[Judged, ...]
    """What the guard cost: pairs that say the same, close enough, and refused; highest cosine first."""


def audit(
    pairs: Sequence[Pair], embed: Embedder, thresholds: Sequence[float] = THRESHOLDS, *, guard: bool = True
) -> Audit:
    """Judge pairs as the semantic cache would.

    Args:
        pairs: with what is right.
        embed: as the cache would use it.
        thresholds: least cosines, each from 0 to 1; lower ones than the cache takes may be looked at.
        guard: whether to ask the guard too.

    Raises:
        UsageError: no thresholds, or one outside 0 to 1.
        InputError: no pairs, or an embedder that gives vectors of several sizes or not one a text.
    """
    levels = tuple(sorted(set(thresholds)))
    if not levels or not all(0 <= level <= 1 for level in levels):
        raise UsageError("thresholds of cosines are from 0 to 1", f"take some such as {THRESHOLDS}")
    if not pairs:
        raise InputError("no pairs to judge", 'give some: {"a": ..., "b": ..., "same": true}')
    cosines = _cosines(pairs, embed)
    judged = [
        Judged(pair, near, (refusal(pair.a, pair.b) or "") if guard and near is not None else "")
        for pair, near in zip(pairs, cosines, strict=True)
    ]
    close = sorted(
        (one for one in judged if one.cosine is not None and one.cosine >= levels[0]),
        key=lambda one: -(one.cosine or 0),
    )
    return Audit(
        same=sum(pair.same for pair in pairs),
        different=sum(not pair.same for pair in pairs),
        unread=sum(near is None for near in cosines),
        guarded=guard,
        at=tuple(_at(level, judged, guard=guard) for level in levels),
        false_hits=tuple(one for one in close if not one.pair.same and not one.refusal),
        refused_false_hits=tuple(one for one in close if not one.pair.same and one.refusal),
        refused_true_hits=tuple(one for one in close if one.pair.same and one.refusal),
    )


def wilson(count: int, of: int) -> Share:
    """Return a share with Wilson's interval (95 %)."""
    return Share(count, of, *wilson_interval(count / of if of else 0.0, of))


def _at(level: float, judged: Sequence[Judged], *, guard: bool) -> AtThreshold:
    def hits(*, same: bool, guarded: bool) -> Share:
        kind = [one for one in judged if one.pair.same == same]
        near = [one for one in kind if one.cosine is not None and one.cosine >= level]
        return wilson(sum(not (guarded and one.refusal) for one in near), len(kind))

    return AtThreshold(
        level,
        hits(same=True, guarded=False),
        hits(same=False, guarded=False),
        hits(same=True, guarded=True) if guard else None,
        hits(same=False, guarded=True) if guard else None,
    )


def _cosines(pairs: Sequence[Pair], embed: Embedder) -> list[float | None]:
    """Return the cosine of each pair; None where a text has no vector."""
    cores = [(_core(pair.a), _core(pair.b)) for pair in pairs]
    texts = list(dict.fromkeys(core for both in cores for core in both if core))
    vectors: dict[str, Vector | None] = {"": None}
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        try:
            vectors |= zip(batch, units(embed, batch), strict=True)
        except ValueError as error:
            raise InputError(str(error), "use another embedder") from error
    if len(sizes := {len(vector) for vector in vectors.values() if vector is not None}) > 1:
        raise InputError(f"the embedder gave vectors of several sizes: {sorted(sizes)}", "use another embedder")
    found = ((vectors[a], vectors[b]) for a, b in cores)
    return [None if one is None or other is None else cosine(one, other) for one, other in found]


def _core(text: str) -> str:
    """Return what the cache would compare of a text; empty where it would not look at it."""
    return form_of(text).core if len(text) <= MOST_CHARS else ""
