"""What tokens become with another model: the ratio of two tokenizers, as a range over kinds of text.

The ratio depends on the text. Where a log has texts, it is measured on some of them (`levers.shifting`);
where it has none, the typical mix below stands for them, and its extremes are the range.

Source of the table: Claude and Gemini as counted by ctok 1.3 and by Gemma's tokenizer, `cl100k_base` exactly, the
others by the estimators of `llmopt.tokens`, all over English documentation, Python, JSON, Chinese and Vietnamese.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from llmopt.tokens.families import family_of

DEN = 1000
"""Denominator of all ratios: thousandths are more than anybody knows of them."""
PER_O200K: dict[str, tuple[int, int, int, int, int]] = {
    "o200k_base": (1000, 1000, 1000, 1000, 1000),
    "cl100k_base": (998, 1001, 1001, 1524, 1575),
    "claude-2": (1005, 1065, 1018, 1320, 2325),
    "claude-3": (1100, 1230, 1270, 1310, 1740),
    "claude-4.7": (1480, 1550, 1490, 1500, 1900),
    "gemini": (1060, 1160, 1340, 1000, 950),
    "llama-2": (1145, 1206, 1328, 1563, 2175),
    "llama-3": (986, 989, 986, 1049, 985),
    "mistral-tekken": (1049, 1041, 1151, 1350, 1045),
    "qwen": (1001, 992, 1119, 864, 1060),
    "deepseek": (1023, 1045, 1045, 796, 1410),
    "command": (1058, 1066, 1174, 942, 1020),
}
"""Tokenizer -> tokens for each 1,000 of o200k_base: English, code, JSON, Chinese, Vietnamese."""
_MIX = (55, 20, 15, 5, 5)
"""Percent of each in a log of which nothing is known."""
_UNKNOWN = (1060, 1080, 1100, 1100, 1220)
"""A tokenizer that nobody knows, typically; it may well be as those at the ends of the range."""
_UNKNOWN_RANGE = (800, 1700)
_TWINS = {"o200k_harmony": "o200k_base"}
"""Vocabularies that differ in special tokens only."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Tokens of the new model for each of the old one; all ratios over one denominator."""

    num: int
    """Typical."""
    den: int
    low: int
    """Numerator of the lowest ratio that is likely: the fewest tokens."""
    high: int
    """Numerator of the highest one."""

    @property
    def changes(self) -> bool:
        """Whether tokens are other ones at all, at the typical ratio or at an end."""
        return not self.num == self.low == self.high == self.den


SAME = Shift(1, 1, 1, 1)
"""One tokenizer: nothing changes."""


@dataclass(frozen=True, slots=True)
class Shifts:
    """Ratios of tokenizers, as measured on a log where it has texts."""

    measured: Mapping[tuple[str, str], Shift] = field(default_factory=dict)
    """(tokenizer, the other one) -> tokens of the other for each of the first."""

    def between(self, old: str | None, new: str | None) -> Shift:
        """Return what tokens become.

        Args:
            old: name of the model that they were counted for.
            new: name of the model that is asked instead.
        """
        if old is not None and new is not None and old.lower() == new.lower():
            return SAME
        pair = (tokenizer_of(old), tokenizer_of(new))
        if pair[0] == pair[1] != "":
            return SAME
        return self.measured.get(pair) or _typical(*pair)

    def measures(self, old: str | None, new: str | None) -> bool:
        """Return whether the ratio between two models comes from texts of the log."""
        return (tokenizer_of(old), tokenizer_of(new)) in self.measured


@functools.lru_cache(maxsize=4096)
def tokenizer_of(model: str | None) -> str:
    """Return the name of a model's tokenizer or of its estimator; empty where none is known."""
    family = family_of(model) if model else None
    if family is None or family.estimator == "other":
        return ""
    name = family.encoding or family.estimator or ""
    return _TWINS.get(name, name)


def _typical(old: str, new: str) -> Shift:
    """Return the ratio over the mix; the range is that over the kinds of text."""
    was, will = PER_O200K.get(old), PER_O200K.get(new)
    mixed = [sum(share * per for share, per in zip(_MIX, row or _UNKNOWN, strict=True)) for row in (will, was)]
    num = round(DEN * mixed[0] / mixed[1])
    if was is None or will is None:
        return Shift(num, DEN, *_ends(was, will))
    ratios = [round(DEN * after / before) for after, before in zip(will, was, strict=True)]
    return Shift(num, DEN, min(ratios), max(ratios))


def _ends(was: tuple[int, ...] | None, will: tuple[int, ...] | None) -> tuple[int, int]:
    """Return the lowest and the highest ratio where one tokenizer or both are unknown."""
    least, most = _UNKNOWN_RANGE
    fewest, many = (min(will), max(will)) if will else (least, most)
    little, much = (min(was), max(was)) if was else (least, most)
    if was is None and will is None:
        fewest, many, little, much = least, most, DEN, DEN
    return DEN * fewest // much, -(-DEN * many // little)
