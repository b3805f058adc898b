"""Count the texts of many chat requests ahead, on all cores, so that counting them one by one finds them remembered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from llmopt.tokens.estimate.tokenizers import EstimatedTokenizer
from llmopt.tokens.exact.tokenizer import ExactTokenizer
from llmopt.tokens.tokenizer import Tokenizer

_HELD = (
    *("content", "text", "input", "prompt", "system", "instructions", "arguments", "output", "parts"),
    *("message", "inputs", "inputText", "texts", "parameters"),
)
"""Keys under which requests hold the texts that they are mostly made of."""
_MAX_DEPTH = 12


def count_ahead(requests: Iterable[tuple[object, Tokenizer]]) -> None:
    """Let each tokenizer count the texts of its requests at once; what it misses is merely counted later."""
    texts: dict[int, list[str]] = defaultdict(list)
    tokenizers: dict[int, Tokenizer] = {}
    for body, tokenizer in requests:
        tokenizers[id(tokenizer)] = tokenizer
        texts[id(tokenizer)].extend(_texts(body, 0, held=False))
    for key, found in texts.items():
        _count(tokenizers[key], found)


def _count(tokenizer: Tokenizer, texts: list[str]) -> None:
    if not isinstance(tokenizer, ExactTokenizer | EstimatedTokenizer):
        return  # without a memory nothing would be gained
    memo = tokenizer.memo
    hits, misses = memo.hits, memo.misses
    tokenizer.count_many(texts)
    # Each part is asked for once more; the first answer for a new one shall not pass for a repetition.
    memo.hits = hits - (memo.misses - misses)


def _texts(value: object, depth: int, *, held: bool) -> Iterator[str]:
    if isinstance(value, str):
        if held and not value.startswith("data:"):
            yield value
    elif depth < _MAX_DEPTH and isinstance(value, list):
        for item in value:
            yield from _texts(item, depth + 1, held=held)
    elif depth < _MAX_DEPTH and isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, depth + 1, held=key in _HELD)
