"""Tokenizers for the tests of chat requests: two exact ones and a rough one."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.tokens.exact.vocabulary import encoding
from llmopt.tokens.result import TokenCount


class Exact:
    """A tokenizer whose vocabulary is public."""

    def __init__(self, name: str) -> None:
        self.name = name

    def count(self, text: str) -> TokenCount:
        return TokenCount.exact(len(encoding(self.name).encode_ordinary(text)), self.name)

    def count_many(self, texts: Sequence[str]) -> list[TokenCount]:
        return [self.count(text) for text in texts]


class Rough(Exact):
    """An estimator: a token for each 4 characters, give or take a quarter."""

    def count(self, text: str) -> TokenCount:
        tokens = -(-len(text) // 4)
        return TokenCount(tokens, tokens * 3 // 4, -(-tokens * 5 // 4), "estimated", self.name)


O200K, CL100K, ROUGH = Exact("o200k_base"), Exact("cl100k_base"), Rough("rough")
