"""Compress one text, or several that share a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmopt.errors import InputError
from llmopt.prompts.context import Level
from llmopt.prompts.engine import Draft, Guards, revised, shortened
from llmopt.prompts.options import Options
from llmopt.prompts.prefix import stable_offset
from llmopt.prompts.result import Compressed
from llmopt.prompts.select.select import selected


@dataclass(frozen=True, slots=True)
class Part:
    """One of the texts."""

    text: str
    level: Level
    selectable: bool = True
    """Whether a query may leave parts of it out."""
    cached: bool = False
    """Whether all of it is in the stable prefix already; else the options say how far that goes."""


def compressed_texts(parts: Sequence[Part], options: Options) -> list[Compressed]:
    """Return each text made shorter; a budget holds for the sum of their tokens.

    Raises:
        InputError: what must stay is over the budget; the message names the least possible one.
        UsageError: the marker of the stable prefix occurs in none of them.
    """
    drafts: list[Draft] = []
    guards = _guards(parts, options)
    for part, guard in zip(parts, guards, strict=True):
        drafts.append(shortened(part.text, options.passes(part.level), options.context, guard))
    drafts = _within_budget(parts, drafts, guards, options)
    return [
        Compressed(part.text, draft.segments.text, draft.changes, options.context.tokenizer)
        for part, draft in zip(parts, drafts, strict=True)
    ]


def _within_budget(
    parts: Sequence[Part], drafts: list[Draft], guards: Sequence[Guards], options: Options
) -> list[Draft]:
    query, budget = options.query, options.budget
    if query is None or budget is None:
        return drafts
    limit = budget if isinstance(budget, int) else _share(budget, sum(options.context.tokens(p.text) for p in parts))
    documents = [
        draft.segments if part.selectable else Guards(prefix=len(draft.segments.text)).parse(draft.segments.text)
        for part, draft in zip(parts, drafts, strict=True)
    ]
    found = selected(documents, query, limit, options.context, options.scorer)
    return [revised(draft, edits, guard) for draft, edits, guard in zip(drafts, found, guards, strict=True)]


def _share(share: float, tokens: int) -> int:
    """Return a share of the tokens as whole tokens.

    Raises:
        InputError: it is not even one.
    """
    limit = int(share * tokens)
    if tokens and not limit:
        raise InputError(f"{share:.2%} of {tokens:,} tokens is less than one token", "a budget of 1 or more tokens")
    return limit


def _guards(parts: Sequence[Part], options: Options) -> list[Guards]:
    """Return what stays of each text; a stable prefix of so many tokens may run over several of them."""
    prefix = options.stable_prefix
    if prefix is None:
        return [Guards(options.keep, len(part.text) if part.cached else 0) for part in parts]
    found: list[Guards] = []
    for part in parts:
        if prefix == "" or prefix == 0:
            found.append(Guards(options.keep))
            continue
        if isinstance(prefix, str):
            at = part.text.find(prefix)
            found.append(Guards(options.keep, len(part.text) if at < 0 else at + len(prefix)))
            prefix = "" if at >= 0 else prefix
            continue
        offset = stable_offset(part.text, prefix, options.context.tokenizer)
        found.append(Guards(options.keep, offset))
        prefix = max(0, prefix - options.context.tokens(part.text[:offset]))
    if isinstance(prefix, str) and prefix:
        stable_offset("", prefix, options.context.tokenizer)  # raises: no such marker
    return found
