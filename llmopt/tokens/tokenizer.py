"""What every tokenizer here can do, whether it is exact or an estimate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from llmopt.tokens.result import TokenCount


class Tokenizer(Protocol):
    """Counts the tokens of plain text; spellings of special tokens in it are plain text too."""

    @property
    def name(self) -> str:
        """Vocabulary, estimator or file."""

    def count(self, text: str) -> TokenCount:
        """Count one text. Never raises on any text, lone surrogates included."""

    def count_many(self, texts: Sequence[str]) -> list[TokenCount]:
        """Count several texts, in order; on several threads where that helps."""
