"""How much of some texts a stable prefix holds, and what that forgoes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from llmopt.prompts.files.values import Held
from llmopt.prompts.options import Options
from llmopt.prompts.prefix import stable_offset
from llmopt.prompts.result import Compressed
from llmopt.prompts.texts import Part, compressed_texts


def held_in(parts: Sequence[Part], results: Sequence[Compressed], options: Options) -> Held:
    """Return the tokens of the stable prefix of texts, and those that would go from it without one.

    Args:
        parts: the texts of one request.
        results: each compressed, with the prefix.
        options: the same that gave `results`.
    """
    held = sum(options.context.tokens(text) for text in _prefixes(parts, options) if text)
    free = [replace(part, cached=False) for part in parts]
    without = compressed_texts(free, replace(options, stable_prefix=None, query=None, budget=None))
    bound = results
    if options.query is not None:
        bound = compressed_texts(parts, replace(options, query=None, budget=None))
    forgone = sum(result.tokens_after for result in bound) - sum(result.tokens_after for result in without)
    return Held(held, max(forgone, 0))


def _prefixes(parts: Sequence[Part], options: Options) -> Iterator[str]:
    """Yield the beginning of each text that is in the prefix."""
    left = options.stable_prefix
    for part in parts:
        if part.cached:
            yield part.text
        elif isinstance(left, str) and left:
            at = part.text.find(left)
            yield part.text if at < 0 else part.text[: at + len(left)]
            left = left if at < 0 else ""
        elif isinstance(left, int) and left:
            text = part.text[: stable_offset(part.text, left, options.context.tokenizer)]
            left = max(0, left - options.context.tokens(text))
            yield text
