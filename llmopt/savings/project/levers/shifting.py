"""Ratios of tokenizers measured on texts of the log itself, which are in one language and of one kind mostly."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from statistics import stdev

from llmopt.prompts.contents import contents
from llmopt.savings.project.levers.compression import counting
from llmopt.savings.project.levers.swap import DEN, Shift, Shifts, tokenizer_of
from llmopt.savings.project.sample import Sampled
from llmopt.tokens.result import TokenCount

MOST = 300
"""Requests that are counted at most."""
_MOST_CHARS = 4_000
"""Of each."""
_LEAST = 5
"""With fewer texts the typical ratios are used."""
_SURE = 1.96


def measured_shifts(sample: Iterable[Sampled], models: Collection[str]) -> Shifts:
    """Return the ratios from the tokenizers of the sampled requests to those of other models.

    Args:
        sample: of the log.
        models: that may be asked instead.
    """
    texts: dict[str, list[tuple[str, str]]] = {}
    for item in sample:
        text = _text(item)
        own = tokenizer_of(item.model)
        if text.strip() and own:
            texts.setdefault(own, []).append((text, item.model or ""))
    targets = {tokenizer_of(model): model for model in sorted(models)}
    found: dict[tuple[str, str], Shift] = {}
    for old, some in texts.items():
        for new, model in targets.items():
            if new and new != old and len(some) >= _LEAST:
                before = [counting(own)[0].count(text) for text, own in some]
                after = counting(model)[0].count_many([text for text, _ in some])
                found[old, new] = _shift(before, after)
    return Shifts(found)


def _text(item: Sampled) -> str:
    """Return the beginning of what a request says; empty where nothing can be found in it."""
    try:
        return "\n".join(content.text for content in contents(item.body))[:_MOST_CHARS]
    except RecursionError:
        return ""


def _shift(before: Sequence[TokenCount], after: Sequence[TokenCount]) -> Shift:
    """Return a ratio with a range: what the estimators leave open, and that these are a few texts of many."""
    old = [sum(getattr(count, end) for count in before) for end in ("low", "tokens", "high")]
    new = [sum(getattr(count, end) for count in after) for end in ("low", "tokens", "high")]
    ratios = [will.tokens / max(was.tokens, 1) for was, will in zip(before, after, strict=True)]
    chance = _SURE * stdev(ratios) / math.sqrt(len(ratios))
    low, high = new[0] / max(old[2], 1) - chance, new[2] / max(old[0], 1) + chance
    mid = round(DEN * new[1] / max(old[1], 1))
    return Shift(mid, DEN, min(mid, max(0, math.floor(DEN * low))), max(mid, math.ceil(DEN * high)))
