"""Compress the texts of a chat request and put them back where they were; nothing else of it changes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from llmopt.errors import UsageError
from llmopt.prompts.contents import CACHE_CONTROL, Content, Path, contents
from llmopt.prompts.context import LEVELS
from llmopt.prompts.options import Options
from llmopt.prompts.result import Compressed
from llmopt.prompts.texts import Part, compressed_texts


@dataclass(frozen=True, slots=True)
class CompressedPart:
    """One text of a request."""

    path: Path
    """Keys and indices that lead to it."""
    role: str
    result: Compressed


@dataclass(frozen=True, slots=True)
class CompressedChat:
    """A request whose texts are shorter. Tokens are those of the texts, without what the chat format adds."""

    body: Any
    """A copy of what was given: a list of messages, or a request body."""
    parts: tuple[CompressedPart, ...]
    """In the order in which a model reads them."""

    @property
    def tokens_before(self) -> int:
        """Tokens of the texts as they were."""
        return sum(part.result.tokens_before for part in self.parts)

    @property
    def tokens_after(self) -> int:
        """Tokens of the texts as they are."""
        return sum(part.result.tokens_after for part in self.parts)

    @property
    def tokens_saved(self) -> int:
        """Tokens fewer; never below 0."""
        return self.tokens_before - self.tokens_after

    @property
    def saved_share(self) -> float:
        """Share of the tokens that went, 0 to 1."""
        return self.tokens_saved / self.tokens_before if self.tokens_before else 0.0


def compressed_chat(body: object, options: Options) -> CompressedChat:
    """Return a request with its texts made shorter.

    A system prompt and the last message are kept whole by a query (the last message only where there are others);
    what a model said before is at most freed of whitespace.

    Args:
        body: decoded JSON: a list of messages or a request body; it is not changed.
        options: how.

    Raises:
        UsageError: there is nothing in it that could be compressed, or the stable prefix's marker is not in it.
        InputError: what must stay is over the budget.
    """
    found = contents(body)
    if not found:
        raise UsageError(
            "neither messages nor a request: no text to compress in it", "give a text, messages, or a body"
        )
    marked = options.stable_prefix == CACHE_CONTROL
    options = replace(options, stable_prefix=None) if marked else options
    results = compressed_texts(_parts(found, options, marked=marked), options)
    changed = copy.deepcopy(body)
    for content, result in zip(found, results, strict=True):
        if result.text != content.text:
            changed = _with(changed, content.path, result.text)
    parts = (CompressedPart(item.path, item.role, result) for item, result in zip(found, results, strict=True))
    return CompressedChat(changed, tuple(parts))


def _parts(found: Sequence[Content], options: Options, *, marked: bool) -> list[Part]:
    free = any(not content.is_fixed for content in found)
    parts = []
    for content in found:
        level = min(options.level, content.highest_level, key=LEVELS.index)
        selectable = not content.is_fixed if free else content.last
        parts.append(Part(content.text, level, selectable, marked and content.cached))
    return parts


def _with(body: Any, path: Path, text: str) -> Any:
    """Put a text into a body; return the body."""
    if not path:
        return text
    place = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = text
    return body
