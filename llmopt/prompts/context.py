"""What a pass is told beside the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from llmopt.tokens.tokenizer import Tokenizer

Level = Literal["lossless", "safe", "aggressive"]
LEVELS: tuple[Level, ...] = ("lossless", "safe", "aggressive")
"""From the gentlest; each includes those before it."""
JsonForm = Literal["minified", "toon", "csv", "smallest"]
JSON_FORMS: tuple[JsonForm, ...] = ("minified", "toon", "csv", "smallest")


@dataclass(frozen=True, slots=True)
class Context:
    """The tokenizer to be judged by, and what the user asked for."""

    tokenizer: Tokenizer
    json_form: JsonForm = "minified"
    """How to write JSON; another form than `minified` is used only where it has fewer tokens."""

    def tokens(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return self.tokenizer.count(text).tokens
