"""Texts for tests: sentences of words that are drawn at random, so that no two are near."""

from __future__ import annotations

import random


def sentences(count: int, seed: int = 0, words: int = 12) -> list[str]:
    """Return so many different sentences."""
    rng = random.Random(seed)
    names = [f"{first}{second}" for first in "bdfgklmn" for second in ("ano", "eru", "ila", "opo", "uri", "ata", "ees")]
    return [f"{' '.join(rng.choices(names, k=words))} {seed}x{at}." for at in range(count)]
