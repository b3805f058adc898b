"""Tokenizers for models whose own is not public: estimated from the text, or reconstructed."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.tokens.estimate.estimator import Estimator, estimator
from llmopt.tokens.estimate.reconstruct import reconstructed
from llmopt.tokens.exact.tokenizer import ExactTokenizer
from llmopt.tokens.memo import Memo
from llmopt.tokens.result import TokenCount

_ERROR = 200
"""A reconstruction is taken to be right to one token in this many: ctok 1.3 reports exact counts on its held-out
sources and no count too low, which says nothing sure of other texts."""


class EstimatedTokenizer:
    """Estimates from the o200k count and features of the text. Safe to share between threads."""

    def __init__(self, name: str, base: ExactTokenizer) -> None:
        """Estimate with the estimator `name`, by counts of `base` (o200k_base)."""
        self.base = base
        self.memo: Memo[TokenCount] = Memo()
        self._name = name
        self._estimator: Estimator | None = None

    @property
    def name(self) -> str:
        """The estimator, and the vocabulary that it starts from."""
        return f"{self._name} (from {self.base.name})"

    def count(self, text: str) -> TokenCount:
        """Estimate one text, with the interval that its true count lies in for 95 % of texts."""
        known = self.memo.get(text)
        return self._estimated(text, self.base.tokens(text)) if known is None else known

    def count_many(self, texts: Sequence[str]) -> list[TokenCount]:
        """Estimate several texts, in order; equal ones once."""
        unknown = [text for text in dict.fromkeys(texts) if self.memo.get(text) is None]
        counts = zip(unknown, self.base.tokens_many(unknown), strict=True)
        found = {text: self._estimated(text, tokens) for text, tokens in counts}
        return [found.get(text) or self.count(text) for text in texts]

    def _estimated(self, text: str, tokens: int) -> TokenCount:
        if self._estimator is None:
            self._estimator = estimator(self._name)
        count = self._estimator.estimate(text, tokens)
        self.memo.put(text, count)
        return count


class ReconstructedTokenizer:
    """Counts Claude's tokens by the ctok package."""

    def __init__(self, version: str) -> None:
        """Count for the model version `version`, such as `4.5`."""
        self.version = version
        self.memo: Memo[TokenCount] = Memo()

    @property
    def name(self) -> str:
        """The package and the version counted for."""
        return f"ctok {self.version}"

    def count(self, text: str) -> TokenCount:
        """Count one text."""
        known = self.memo.get(text)
        if known is None:
            tokens = reconstructed(text, self.version)
            slack = -(-tokens // _ERROR) if tokens else 0
            known = TokenCount(tokens, max(tokens - slack, min(tokens, 1)), tokens + slack, "reconstructed", self.name)
            self.memo.put(text, known)
        return known

    def count_many(self, texts: Sequence[str]) -> list[TokenCount]:
        """Count several texts, in order."""
        return [self.count(text) for text in texts]
