"""Token counts of models whose tokenizer is not public, from the o200k_base count and what the text is made of.

An estimate is linear: so many tokens for each o200k token plus so many for each feature. Claude's features
(`worded.py`) hold the costs of frequent words, those of the others (`features.py`) do not need them.
Its interval is linear too, with a share that grows with the root of the length, so that it is narrow for long prose
and wide for short or strange texts. `benchmarks/fit_tokens.py` fits the coefficients; `data/estimators.json` holds
them with where they come from.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from importlib import resources
from typing import Any

from llmopt.errors import ConfigError
from llmopt.tokens.estimate import features, worded
from llmopt.tokens.result import TokenCount


@dataclass(frozen=True, slots=True)
class Estimator:
    """Tells the tokens of one tokenizer, or of a family of them, from those of o200k_base."""

    name: str
    """Such as `claude-3`."""
    per_o200k: float
    """Tokens for each o200k token."""
    weights: tuple[float, ...]
    """Tokens for each count of a feature, in the order of the names; may be negative."""
    floor: float
    """Least tokens for each o200k token, whatever the features say."""
    ceiling: float
    """Most tokens for each o200k token."""
    below: float
    """What the spread is multiplied with for the lower end."""
    above: float
    """What the spread is multiplied with for the upper end."""
    spread_fixed: float
    """Spread of any text, in tokens."""
    spread_root: float
    """Spread for each root of an estimated token."""
    spread_o200k: float
    """Spread for each o200k token."""
    spread: tuple[float, ...]
    """Spread for each count of a feature, in the order of the names; never negative."""
    worded: bool
    """Whether the features are those of `worded.py`, not of `features.py`."""

    def estimate(self, text: str, o200k_tokens: int) -> TokenCount:
        """Estimate the tokens of a text.

        Args:
            text: any text.
            o200k_tokens: its tokens in the o200k_base vocabulary.
        """
        return self.from_features(self.measure(text, o200k_tokens), o200k_tokens) if text else self._count(0, 0, 0)

    def measure(self, text: str, o200k_tokens: int) -> list[float]:
        """Return the features of a text that the weights are for."""
        return worded.measure(text, o200k_tokens) if self.worded else features.measure(text)

    def from_features(self, measured: list[float], o200k_tokens: int) -> TokenCount:
        """Estimate the tokens of a text that is not empty from its features (`measure`)."""
        least, most = self.floor * o200k_tokens, self.ceiling * o200k_tokens
        center = self.per_o200k * o200k_tokens + _dot(self.weights, measured)
        center = max(1.0, min(max(center, least), most))
        spread = self.spread_fixed + self.spread_root * math.sqrt(center) + self.spread_o200k * o200k_tokens
        spread += _dot(self.spread, measured)
        tokens = round(center)
        low = math.floor(max(center - self.below * spread, least, 1.0))
        high = math.ceil(min(center + self.above * spread, max(most, center)))
        return self._count(tokens, min(low, tokens), max(high, tokens))

    def _count(self, tokens: int, low: int, high: int) -> TokenCount:
        return TokenCount(tokens, low, high, "estimated", f"{self.name} (from o200k_base)")


@functools.cache
def estimator(name: str) -> Estimator:
    """Return an estimator by its name.

    Raises:
        ConfigError: there is none of that name.
    """
    fitted: dict[str, Any] | None = _data()["estimators"].get(name)
    if fitted is None:
        raise ConfigError(f"no token estimator {name!r}", f"there are: {', '.join(names())}")
    weights, spread, worded_too = fitted["weights"], fitted["spread"], fitted.get("worded", False)
    columns = worded.NAMES if worded_too else features.NAMES
    return Estimator(
        name,
        weights["o200k"],
        tuple(weights.get(feature, 0.0) for feature in columns),
        fitted["floor"],
        fitted["ceiling"],
        fitted["below"],
        fitted["above"],
        spread["fixed"],
        spread["root"],
        spread["o200k"],
        tuple(spread.get(feature, 0.0) for feature in columns),
        worded_too,
    )


def names() -> tuple[str, ...]:
    """Return the names of the estimators."""
    return tuple(_data()["estimators"])


def _dot(weights: tuple[float, ...], measured: list[float]) -> float:
    return sum(weight * amount for weight, amount in zip(weights, measured, strict=True))


@functools.cache
def _data() -> dict[str, Any]:
    packed = resources.files("llmopt.tokens.estimate").joinpath("data", "estimators.json")
    loaded: dict[str, Any] = json.loads(packed.read_text(encoding="utf-8"))
    return loaded
