"""What frequent words, runs of signs and blanks cost in the tokenizers that the Claude estimators are fitted with.

Claude's tokenizers mark where a word begins and ends, so what a word costs hardly depends on its neighbours.
`benchmarks/fit_tokens_words.py` makes the table out of the sources that the fit may see; `data/words.json` holds it
with where it comes from.
"""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

Costs = tuple[int, int, int]
"""Tokens in o200k_base, Claude 3 to 4.6, Claude 4.7 and later."""


def costs(run: str) -> Costs | None:
    """Return what a run costs, without a blank before it; None if the table does not hold it."""
    return _table()[0].get(run)


def is_whole(character: str) -> bool:
    """Return whether an ideograph or a syllable of Hangul is one token in Claude's vocabularies."""
    return character in _table()[1]


@functools.cache
def _table() -> tuple[dict[str, Costs], frozenset[str]]:
    packed = resources.files("llmopt.tokens.estimate").joinpath("data", "words.json")
    loaded: dict[str, Any] = json.loads(packed.read_text(encoding="utf-8"))
    known: dict[str, Costs] = {}
    for numbers, listed in loaded["words"].items():
        known.update(dict.fromkeys(listed.split(" "), _costs(numbers)))
    for numbers, runs in loaded["runs"].items():
        known.update(dict.fromkeys(runs, _costs(numbers)))
    return known, frozenset(loaded["whole"])


def _costs(numbers: str) -> Costs:
    o200k, third, later = map(int, numbers.split())
    return o200k, third, later
