"""Compress a file that is one text, with its line ends and its final line break as they were."""

from __future__ import annotations

import contextlib
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace

from llmopt.errors import InputError
from llmopt.prompts.edits import Change, Edit, applied
from llmopt.prompts.files.held import held_in
from llmopt.prompts.files.reading import Source
from llmopt.prompts.files.values import FilePart, FileResult
from llmopt.prompts.options import Options
from llmopt.prompts.result import Compressed
from llmopt.prompts.texts import Part, compressed_texts

_END_OF_TEXT = "end-of-text"
"""The rule of `llmopt.prompts.passes.whitespace` that drops final line breaks."""
_CARRIAGE = re.compile("\r\n")


def compress_text_file(source: Source, options: Options) -> FileResult:
    """Return a text file made shorter.

    The final line break of a file is no waste: it stays, unless the budget has no room for it; a pipe does not get it.

    Args:
        source: the file.
        options: how.

    Raises:
        InputError: what must stay is over the budget.
        UsageError: the marker of the stable prefix is not in it.
    """
    parts = [Part(_CARRIAGE.sub("\n", source.text), options.level)]
    plain, stored = _shorter(parts, source.text, options)
    held = held_in(parts, [plain], options) if options.stable_prefix is not None else None
    whole = _with_final_break(stored, options)
    edits = tuple(Edit(one.start, one.end, one.text, _named(one.rules)) for one in whole.changes)
    return FileResult(source, edits, (FilePart("", 1, 0, whole),), stored.text, held=held)


def _shorter(parts: Sequence[Part], text: str, options: Options) -> tuple[Compressed, Compressed]:
    """Return the result with plain line breaks, and with those of the file, which may take more tokens."""

    def tried(budget: int | float | None) -> tuple[Compressed, Compressed]:
        plain = compressed_texts(parts, replace(options, budget=budget))[0]
        return plain, _as_stored(plain, text)

    if options.budget is None or "\r\n" not in text:
        return tried(options.budget)
    return _within(_limit(options.budget, options.context.tokens(text)), options.context.tokens(parts[0].text), tried)


def _within(
    limit: int, most: int, tried: Callable[[int], tuple[Compressed, Compressed]]
) -> tuple[Compressed, Compressed]:
    """Return what keeps a budget with the line breaks of the file too.

    Args:
        limit: the budget.
        most: tokens of the text with plain line breaks.
        tried: returns both results for a budget of the text with plain line breaks.

    Raises:
        InputError: what must stay is over the budget.
    """
    budget = limit
    with contextlib.suppress(InputError):
        while budget > 0:
            found = tried(budget)
            over = found[1].tokens_after - limit
            if over <= 0:
                return found
            budget -= over

    def holds(budget: int) -> bool:
        try:
            tried(budget)
        except InputError:
            return False
        return True

    found = tried(bisect_left(range(most), True, key=holds))
    least = found[1].tokens_after
    if least > limit:
        message = f"the budget is {limit:,} tokens, and what must stay needs at least {least:,} tokens"
        raise InputError(message, f"--budget {least} or more")
    return found


def _as_stored(result: Compressed, text: str) -> Compressed:
    """Return a result for a text as it is stored, where lines may end in a carriage return too; never more tokens."""
    breaks = [found.start() - at for at, found in enumerate(_CARRIAGE.finditer(text))]
    if not breaks:
        return result
    end = "\r\n" if 2 * len(breaks) >= text.count("\n") else "\n"
    changes: list[Change] = []
    longer = 0
    for one in result.changes:
        start, stop = (offset + bisect_left(breaks, offset) for offset in (one.start, one.end))
        new = one.text.replace("\n", end)
        changes.append(Change(start, stop, new, start + longer, one.rules))
        longer += len(new) - (stop - start)
    stored = Compressed(text, applied(text, changes), changes, result.tokenizer)
    return stored if stored.tokens_after <= stored.tokens_before else Compressed(text, text, (), result.tokenizer)


def _with_final_break(result: Compressed, options: Options) -> Compressed:
    """Return the result with the final line break of the original, if that went."""
    original, text = result.original, result.text
    final = "\r\n" if original.endswith("\r\n") else original[-1:]
    if final not in ("\n", "\r\n", "\r") or text.endswith(final) or not text or not result.changes:
        return result
    last = result.changes[-1]
    if last.end != len(original) or last.start == last.end:
        return result
    rules = last.rules
    if not original[: -len(final)][-1:].isspace():  # then nothing is left of what was done to the end of the text
        rules = tuple(rule for rule in rules if rule != _END_OF_TEXT) or rules
    shorter = replace(last, end=last.end - len(final), rules=rules)
    kept = (*result.changes[:-1], *(() if original[shorter.start : shorter.end] == shorter.text else (shorter,)))
    whole = Compressed(original, text + final, kept, result.tokenizer)
    return result if options.budget is not None and _is_over(whole, options.budget) else whole


def _limit(budget: int | float, tokens: int) -> int:
    return budget if isinstance(budget, int) else int(budget * tokens)


def _is_over(result: Compressed, budget: int | float) -> bool:
    return result.tokens_after > _limit(budget, result.tokens_before)


def _named(rules: Sequence[str]) -> str:
    return " + ".join(rules)
