"""Run the passes of a level over a text until nothing changes, each verified and undone where it fails.

Each pass that is accepted makes the text strictly shorter, so the rounds end; and the text at the end is one that no
pass changes any more, so compressing it again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Change, Edit, applied, composed, in_order
from llmopt.prompts.passes.registry import Pass
from llmopt.prompts.segments.parse import parse
from llmopt.prompts.spans import Segments
from llmopt.prompts.verify import admissible, holds

_ROUNDS = 64
_ATTEMPTS = 64
"""Sets of edits tried when not all of a pass can stay; what is untried then is left out."""
_COUNTED = 200_000
"""Longest text whose tokens are compared after every pass."""
_RECOUNTED = 20_000
"""Longest text that is always counted as a whole at the end."""
_CERTAIN = 0.1
"""Share of characters that must go for a longer one to have fewer tokens without counting; each pass has counted."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What the user wants left alone."""

    keep: tuple[re.Pattern[str], ...] = ()
    """Patterns whose matches stay."""
    prefix: int = 0
    """Characters at the beginning that stay."""

    def parse(self, text: str) -> Segments:
        """Parse a text with these guards."""
        return parse(text, keep=self.keep, prefix=self.prefix)


@dataclass(frozen=True, slots=True)
class Draft:
    """A text on its way."""

    segments: Segments
    changes: tuple[Change, ...] = ()
    """From the original to the text as it is now."""


def shortened(text: str, passes: Sequence[Pass], context: Context, guards: Guards) -> Draft:
    """Return the text after as many rounds of the passes as change it."""
    first = Draft(guards.parse(text))
    draft = first
    for _ in range(_ROUNDS):
        start = draft.segments.text
        for item in passes:
            draft = _after(draft, item, context, guards)
        if draft.segments.text == start:
            break
    return draft if _is_shorter(text, draft.segments.text, context) else first


def revised(draft: Draft, edits: Sequence[Edit], guards: Guards) -> Draft:
    """Return the draft with edits made that nobody need verify."""
    if not edits:
        return draft
    text = draft.segments.text
    changes = tuple(composed(draft.changes, edits, text))
    return Draft(guards.parse(applied(text, edits)), changes)


def _after(draft: Draft, item: Pass, context: Context, guards: Guards) -> Draft:
    """Return the draft after one pass, without those of its edits that lose something."""
    segments = draft.segments
    edits = [edit for edit in in_order(item.run(segments, context)) if admissible(segments, edit, item.keeps)]
    if not edits:
        return draft
    tried: dict[int, Segments] = {}

    def fits(chosen: Sequence[Edit]) -> bool:
        text = applied(segments.text, chosen)
        if len(text) >= len(segments.text):
            return False
        after = guards.parse(text)
        good = holds(segments, after, chosen, item.keeps)
        good = good and (item.keeps == "values" or _costs_no_more(segments.text, chosen, context))
        if good:
            tried[len(chosen)] = after
        return good

    chosen = _largest(edits, fits)
    if not chosen:
        return draft
    changes = tuple(composed(draft.changes, chosen, segments.text))
    return Draft(tried[len(chosen)], changes)


def _largest(edits: list[Edit], fits: Callable[[Sequence[Edit]], bool]) -> list[Edit]:
    """Return as many of the edits as fit together: all, or what halving finds."""
    left = _ATTEMPTS

    def extended(base: list[Edit], more: list[Edit]) -> list[Edit]:
        nonlocal left
        if not more or not left:
            return base
        left -= 1
        if fits(base + more):
            return base + more
        if len(more) == 1:
            return base
        half = len(more) // 2
        return extended(extended(base, more[:half]), more[half:])

    return extended([], edits)


def _costs_no_more(text: str, edits: Sequence[Edit], context: Context) -> bool:
    """Return whether the lines that are edited have no more tokens than before."""
    if len(text) > _COUNTED:
        return True
    start = text.rfind("\n", 0, edits[0].start) + 1
    end = text.find("\n", edits[-1].end) + 1 or len(text)
    moved = [Edit(edit.start - start, edit.end - start, edit.text, edit.rule) for edit in edits]
    return context.tokens(applied(text[start:end], moved)) <= context.tokens(text[start:end])


def _is_shorter(before: str, after: str, context: Context) -> bool:
    """Return whether the whole has no more tokens; where so much is gone that it is certain, nothing is counted."""
    gone = len(before) - len(after)
    if not gone or (len(before) > _RECOUNTED and gone >= _CERTAIN * len(before)):
        return True
    return context.tokens(after) <= context.tokens(before)
