"""Figures of models in words, as `quantize`, `distill` and `bench` write them: sizes, speed-ups, quality, dollars."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal

from llmopt.core.quantity import significant
from llmopt.core.ratio import Ratio
from llmopt.models.quality.result import Quality
from llmopt.report.figures import plural
from llmopt.report.text import byte_size, figures

_LEAST = 1e-9
"""What is below is none."""
_MOST = 1e9
_DIGITS = 3
_COUNTS = ("", "k", "M", "B", "T")


def times(ratio: float) -> str:
    """Return a ratio of speeds: `2.31x`, `0.94x`, `12.3x`."""
    if not math.isfinite(ratio):
        return "unknown"
    return f"{ratio:.2f}x" if abs(ratio) < 10 else f"{_figures(ratio, _DIGITS)}x"


def times_span(ratio: Ratio) -> str:
    """Return the interval of a ratio of speeds: `2.22x to 2.40x`."""
    return span(ratio.low, ratio.high, times)


def lost(share: float) -> str:
    """Return a share with three digits: `1.56%`, `0.04%`, `-0.3%`."""
    return f"{_figures(100 * share, _DIGITS)}%" if math.isfinite(100 * share) else "unknown"


def span(low: float, high: float, word: Callable[[float], str]) -> str:
    """Return an interval whose ends are written by `word`."""
    return f"{word(low)} to {word(high)}"


def size(size_bytes: int) -> str:
    """Return bytes with a unit of thousands: `90.9 MB`."""
    return byte_size(Decimal(size_bytes))


def count(number: int) -> str:
    """Return how many parameters: `22.7M`, `7.24B`; as they are where they are few."""
    power = 0
    value = Decimal(number)
    while value >= 1000 and power < len(_COUNTS) - 1:
        value, power = value / 1000, power + 1
    return f"{figures(value) if power else number}{_COUNTS[power]}"


def change(before: float, after: float) -> str | None:
    """Return by how much something grew, with its sign: `-74.8%`; None where it was nothing before."""
    if not before:
        return None
    share = after / before - 1
    return f"{'+' if share >= _LEAST else ''}{lost(share)}"


def about_as_fast(ratio: Ratio) -> bool:
    """Return whether something may be faster or slower by its interval: no money is promised for it."""
    return ratio.low <= 1 <= ratio.high


def speed_phrase(ratio: Ratio, base: str) -> str:
    """Return how fast something is beside its base; what is slower, or may be either, is called so."""
    if ratio.low > 1:
        return f"{times(ratio.value)} as fast as {base} ({times_span(ratio)})"
    word = "slower than" if ratio.high < 1 else "about as fast as"
    return f"{word} {base}: {times(ratio.value)} ({times_span(ratio)})"


def drop_phrase(found: Quality, texts: str = "text") -> str:
    """Return the quality lost, its interval, and on how many inputs: `1.56% of nearest neighbours changed (...)`.

    Args:
        found: the quality of a model beside another.
        texts: what an input is called.
    """
    worse, better, word = _DROPS.get(found.drop_metric, ("{} " + found.drop_metric, "", lost))
    drop, low, high = found.drop, found.drop_low, found.drop_high
    if better and drop <= -_LEAST:
        worse, drop, low, high = better, -drop, -high, -low
    return f"{worse.replace('{}', word(drop), 1)} ({span(low, high, word)}, {inputs_phrase(found, texts)})"


def inputs_phrase(found: Quality, texts: str = "text") -> str:
    """Return what a quality was measured on: `512 texts`, `40 texts of 8,431 tokens`."""
    word = _TOKENS.get(found.task)
    of = f" of {plural(found.tokens, word)}" if word and found.tokens else ""
    return f"{plural(found.inputs, texts)}{of}"


def quality_rows(found: Quality) -> tuple[tuple[str, str], ...]:
    """Return the figures of a quality that there are, each with its name, the gated one first."""
    k = found.k if found.k is not None else "k"
    nearest = _NEAREST.get(found.task, "most likely next token unchanged")
    rows = [
        (found.drop_metric, f"{lost(found.drop)} ({span(found.drop_low, found.drop_high, lost)})"),
        (nearest, share_or_none(found.top1_agreement)),
        (f"{k} nearest texts in common", share_or_none(found.topk_agreement)),
        ("cosine, mean", plain_or_none(found.cosine)),
        ("cosine, 5% are below", plain_or_none(found.cosine_p5)),
        ("rank correlation", plain_or_none(found.rank_correlation)),
        ("same label", share_or_none(found.agreement)),
        ("accuracy", two_or_none(found.accuracy_before, found.accuracy_after, accuracy)),
        ("total variation distance", plain_or_none(found.score_error)),
        ("perplexity", two_or_none(found.perplexity_before, found.perplexity_after, significant_4)),
        ("bits per byte", two_or_none(found.bits_per_byte_before, found.bits_per_byte_after, significant_4)),
        ("KL divergence", unit_or_none(found.kl_nats, "nats")),
    ]
    return tuple((name, value) for name, value in rows if value is not None)


def significant_4(value: float) -> str:
    """Return a number with four digits."""
    return _figures(value, 4) if math.isfinite(value) else "unknown"


def share_or_none(value: float | None) -> str | None:
    """Return a share; None for None. So do the next with their figures."""
    return None if value is None else lost(value)


def plain_or_none(value: float | None) -> str | None:
    """Return a figure between -1 and 1 with enough digits to tell it from 1: `0.9987`."""
    return None if value is None else f"{value:.4f}" if math.isfinite(value) else "unknown"


def unit_or_none(value: float | None, unit: str) -> str | None:
    """Return a figure with its unit: `0.0031 nats`."""
    return None if value is None else f"{significant_4(value)} {unit}"


def two_or_none(before: float | None, after: float | None, word: Callable[[float], str]) -> str | None:
    """Return a figure before and after: `91.2% -> 90.8%`; what is not known is left out."""
    told = [word(value) for value in (before, after) if value is not None]
    return " -> ".join(told) if told else None


def accuracy(share: float) -> str:
    """Return a share of right answers: `91.35%`."""
    return f"{significant_4(100 * share)}%"


def _figures(value: float, digits: int) -> str:
    """Return a finite number; one that nobody could count the digits of has an exponent."""
    if abs(value) >= _MOST:
        return f"{value:.1e}"
    return significant(value, digits) if abs(value) >= _LEAST else "0"


def _points(share: float) -> str:
    return lost(share).removesuffix("%")


_TOKENS = {"generate": "token", "fill": "masked token"}
"""Task -> what its inputs are counted in beside texts."""
_NEAREST = {"embed": "nearest text unchanged", "fill": "most likely token unchanged"}
_DROPS: dict[str, tuple[str, str, Callable[[float], str]]] = {
    "nearest neighbours changed": ("{} of nearest neighbours changed", "", lost),
    "labels changed": ("{} of labels changed", "", lost),
    "accuracy lost": ("{} points of accuracy lost", "{} points of accuracy gained", _points),
    "bits per byte gained": ("bits per byte {} more", "bits per byte {} fewer", lost),
    "perplexity gained": ("perplexity {} higher", "perplexity {} lower", lost),
}
"""What is lost -> how that is said, how its opposite is, and how the figure is written."""
