"""Compress a file that is one text, with its line ends and its final line break as they were."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

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
    text = _CARRIAGE.sub("\n", source.text)
    parts = [Part(text, options.level)]
    bare = compressed_texts(parts, options)[0]
    whole = _with_final_break(bare, options)
    held = held_in(parts, [bare], options) if options.stable_prefix is not None else None
    edits = _on_disk(whole.changes, source.text)
    piped = applied(source.text, _on_disk(bare.changes, source.text))
    return FileResult(source, edits, (FilePart("", 1, 0, whole),), piped, held=held)


def _with_final_break(result: Compressed, options: Options) -> Compressed:
    """Return the result with the final line break of the original, if that went."""
    original, text = result.original, result.text
    final = original[-1:]
    if final not in ("\n", "\r") or text.endswith(final) or not text or not result.changes:
        return result
    last = result.changes[-1]
    if last.end != len(original) or last.start == last.end:
        return result
    rules = last.rules
    if not original[-2:-1].isspace():  # then nothing is left of what was done to the end of the text
        rules = tuple(rule for rule in rules if rule != _END_OF_TEXT) or rules
    shorter = replace(last, end=last.end - 1, rules=rules)
    kept = (*result.changes[:-1], *(() if original[shorter.start : shorter.end] == shorter.text else (shorter,)))
    whole = Compressed(original, text + final, kept, result.tokenizer)
    return result if _is_over(whole, options) else whole


def _is_over(result: Compressed, options: Options) -> bool:
    budget = options.budget
    if budget is None:
        return False
    return result.tokens_after > (budget if isinstance(budget, int) else int(budget * result.tokens_before))


def _on_disk(changes: Iterable[Change], text: str) -> tuple[Edit, ...]:
    """Return changes as edits of the text as it is stored, where lines may end in a carriage return too."""
    breaks = [found.start() - at for at, found in enumerate(_CARRIAGE.finditer(text))]
    end = "\r\n" if breaks and 2 * len(breaks) >= text.count("\n") else "\n"

    def stored(offset: int) -> int:
        return offset + bisect_left(breaks, offset)

    return tuple(
        Edit(stored(one.start), stored(one.end), one.text.replace("\n", end), _named(one.rules)) for one in changes
    )


def _named(rules: Sequence[str]) -> str:
    return " + ".join(rules)
