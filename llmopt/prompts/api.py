"""`compress`: a prompt, a list of messages or a request body with fewer tokens and nothing lost that matters."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack, overload

from llmopt.prompts.chat import CompressedChat, compressed_chat
from llmopt.prompts.options import Asked, options_of
from llmopt.prompts.result import Compressed
from llmopt.prompts.rewriter import Rewriter
from llmopt.prompts.select.scorer import Scorer
from llmopt.prompts.texts import Part, compressed_texts
from llmopt.tokens.tokenizer import Tokenizer


@overload
def compress(text: str, **options: Unpack[Asked]) -> Compressed: ...


@overload
def compress(text: Sequence[Any] | Mapping[str, Any], **options: Unpack[Asked]) -> CompressedChat: ...


def compress(
    text: str | Sequence[Any] | Mapping[str, Any],
    *,
    level: str = "safe",
    query: str | None = None,
    budget: int | float | None = None,
    model: str | None = None,
    keep: str | re.Pattern[str] | Iterable[str | re.Pattern[str]] = (),
    stable_prefix: int | str | None = None,
    json_form: str = "minified",
    tokenizer: Tokenizer | str | os.PathLike[str] | None = None,
    scorer: Scorer | None = None,
    rewriter: Rewriter | None = None,
) -> Compressed | CompressedChat:
    """Return a prompt with fewer tokens and nothing lost that matters, offline.

    Code, placeholders, tags, `<keep>` regions and matches of `keep` stay byte for byte, and so do numbers, negations
    and quantifiers. Each pass is verified, and undone where it fails. Compressing the result again changes nothing.

    Args:
        text: a text; or a list of messages (`[{"role": ..., "content": ...}]`) or a request body, whose texts are
            compressed.
        level: `lossless` (whitespace, minified JSON), `safe` (also copies, logs, tables, boilerplate of chunks) or
            `aggressive` (also wording).
        query: keep what this needs, and leave out the rest.
        budget: with a query: at most so many tokens (int), or this share of the tokens (float up to 1.0).
        model: whose tokens to count; None: `o200k_base`.
        keep: a regular expression (multi-line) whose matches stay, or several.
        stable_prefix: keep the first tokens (int) as they are, or all up to and including a text (str), because a
            provider has them cached; `cache_control`: all up to the last such mark of an Anthropic request.
        json_form: `minified`; `toon`, `csv` or `smallest` write JSON otherwise where that has fewer tokens.
        tokenizer: one of `llmopt.tokens`, or a tokenizer file; instead of `model`.
        scorer: ranks passages against the query beside BM25, such as `llmopt.models.sentences.SentenceScorer`.
        rewriter: shortens prose at the aggressive level, such as `llmopt.models.lingua.LinguaRewriter`.

    Returns:
        `Compressed` of a text (`text`, `tokens_before`, `tokens_after`, `removals`); `CompressedChat` of messages
        or a body, with `body` and its `parts`.

    Raises:
        UsageError: an option that makes no sense, or a value that holds no text.
        InputError: what must stay has more tokens than the budget; the message names the least possible.
        TypeError: `text` is none of these.
    """
    options = options_of(
        level=level,
        query=query,
        budget=budget,
        model=model,
        keep=keep,
        stable_prefix=stable_prefix,
        json_form=json_form,
        tokenizer=tokenizer,
        scorer=scorer,
        rewriter=rewriter,
    )
    if isinstance(text, str):
        return compressed_texts([Part(text, options.level)], options)[0]
    if isinstance(text, bytes | bytearray) or not isinstance(text, Sequence | Mapping):
        raise TypeError(f"text is a {type(text).__name__}: neither a str nor messages nor a request body")
    return compressed_chat(text if isinstance(text, list | dict) else _plain(text), options)


def _plain(value: Sequence[Any] | Mapping[str, Any]) -> object:
    """Return a sequence or mapping as the list or dict that JSON knows."""
    return dict(value) if isinstance(value, Mapping) else list(value)
