"""Near-duplicates: texts that share most of their words and of their runs of three words.

A text is a set of features: its words, and each run of three words (the shingles of Broder, "On the resemblance and
containment of documents", 1997). Two texts are near where they share `SHARE` of the features of the smaller one. Of
equally large ones that is a Jaccard index of 0.6; of a small and a large one it is that the one is in the other. Small
texts (`SMALL`) are in large ones by chance, and one word of them more often makes another text, so there the Jaccard
index itself must be `JACCARD`: one word at the end of seven may differ, or one anywhere in thirteen.

Nothing is estimated. What shares `needed` of a text's `n` features shares at least one of any `n - needed + 1` of them,
so looking these up in an inverted index finds every near text; the rarest are looked up, so that it finds few others.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice

from llmopt.errors import MissingExtraError

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

SHARE = 0.75
JACCARD = 0.7
SMALL = 24
"""Features; a sentence of 13 words."""
MOST_WORDS = 1_000
"""Of a text that are looked at: a model reads the beginning."""
FEW = 64
"""Texts that are compared one by one; of more, what they share is counted in their index at once."""
CHUNK = 20_000
"""Texts of an index, which bounds its memory."""
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Letters of scripts that put no blanks between words: each counts as a word."""
_WORD = re.compile(f"[{_ALONE}]|[^\\W_{_ALONE}]+")
Feature = str | tuple[str, ...]


def near_any(texts: Sequence[str], others: Sequence[str], *, chunk: int = CHUNK) -> list[bool]:
    """Return whether each text nearly equals one of the others.

    Args:
        texts: any number; each is looked at once for every `chunk` of the others.
        others: to compare with.
        chunk: of the others that are in memory at once.
    """
    found = [False] * len(texts)
    for start in range(0, len(others), chunk):
        index = _Index(others[start : start + chunk])
        for at, text in enumerate(texts):
            found[at] = found[at] or index.has_near(text)
    return found


def features(text: str) -> frozenset[Feature]:
    """Return the words of a text and its runs of three words; case, blanks and punctuation do not count.

    A text without any word is the one feature that its characters are.
    """
    plain = unicodedata.normalize("NFKC", text.casefold())
    words = [match.group() for match in islice(_WORD.finditer(plain), MOST_WORDS)]
    return frozenset((*words, *zip(words, words[1:], words[2:], strict=False))) or frozenset({"".join(plain.split())})


def is_near(shared: int, one: int, other: int) -> bool:
    """Return whether two texts are near, by how many features they share and have."""
    small = min(one, other)
    if shared < _needed(small):
        return False
    return small > SMALL or shared >= JACCARD * (one + other - shared)


def _needed(size: int) -> int:
    """Return how many features of a text another must have at least to be near and not smaller."""
    return math.ceil(SHARE * size)


class _Index:
    """Finds the near ones among some texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._sets = list({features(text): None for text in texts})
        self._sizes = torch.tensor([len(known) for known in self._sets])
        self._arrays: dict[Feature, torch.Tensor] = {}
        self._having: defaultdict[Feature, list[int]] = defaultdict(list)
        for at, known in enumerate(self._sets):
            for feature in known:
                self._having[feature].append(at)
        self._probed: defaultdict[Feature, list[int]] = defaultdict(list)
        for at, known in enumerate(self._sets):
            for feature in self._rarest(known, len(known)):
                self._probed[feature].append(at)

    def has_near(self, text: str) -> bool:
        """Return whether one of the texts is near this one."""
        asked = features(text)
        present = [feature for feature in asked if feature in self._having]
        candidates = {at for feature in present for at in self._probed.get(feature, ())}
        for feature in self._rarest(present, len(asked)):
            candidates.update(self._having[feature])
        if len(candidates) > FEW:
            return self._is_near_any(asked, present)
        return any(is_near(len(asked & self._sets[at]), len(asked), len(self._sets[at])) for at in candidates)

    def _is_near_any(self, asked: frozenset[Feature], present: Sequence[Feature]) -> bool:
        """Return the same by counting; texts of one pattern share so much that nearly all are candidates."""
        shared = torch.zeros(len(self._sets), dtype=torch.int64)
        for feature in present:
            shared[self._places(feature)] += 1  # no place comes twice
        enough = (shared >= SHARE * self._sizes.clamp(max=len(asked))).nonzero().flatten()
        pairs = zip(shared[enough].tolist(), self._sizes[enough].tolist(), strict=True)
        return any(is_near(both, len(asked), size) for both, size in pairs)

    def _places(self, feature: Feature) -> torch.Tensor:
        if feature not in self._arrays:
            self._arrays[feature] = torch.tensor(self._having[feature])
        return self._arrays[feature]

    def _rarest(self, present: Iterable[Feature], size: int) -> list[Feature]:
        """Return those features to look up that find every text with enough of all.

        Args:
            present: features of a text that the index has.
            size: how many it has in all; those that the index does not have are looked up in vain.
        """
        known = list(present)
        more = size - _needed(size) + 1 - (size - len(known))
        if more <= 0:
            return []
        return sorted(known, key=lambda feature: (isinstance(feature, str), len(self._having[feature])))[:more]
