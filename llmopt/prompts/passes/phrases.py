"""Replace verbose phrases by short ones that mean the same, where a text instructs.

What a prompt is about (a review, a passage to quote from) keeps its words.
"""

from __future__ import annotations

import functools
import re

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit, in_order
from llmopt.prompts.rewriting.clauses import reductions
from llmopt.prompts.rewriting.cuts import begins_sentence, replaced
from llmopt.prompts.rewriting.lookup import Hit, PhraseIndex
from llmopt.prompts.rewriting.mentions import is_mention, is_needed
from llmopt.prompts.rewriting.scope import is_legal, scope_of
from llmopt.prompts.rewriting.sentences import prose_at
from llmopt.prompts.rewriting.tables import guards, short_forms, starting_forms
from llmopt.prompts.spans import Segments

_BEFORE = re.compile(r"[\w'\u2019\u0300-\u036f]+[^\w\n]{0,2}$")
_AFTER = re.compile(r"[^\w\n]{0,2}[\w'\u2019\u0300-\u036f]+")


def phrases(segments: Segments, _context: Context) -> list[Edit]:
    """Replace verbose phrases by short ones."""
    hits = _index().hits(segments.text)
    reduced = list(reductions(segments))
    if not (hits or reduced) or is_legal(segments.text):
        return []
    scope = scope_of(segments)
    in_prose = prose_at(segments)
    found: list[Edit] = []
    for edit in [*(edit for hit in hits if (edit := _edit(segments, hit))), *reduced]:
        if in_prose(edit.start) and scope.instructs(edit.start):
            found.append(edit)
    return in_order(found)


@functools.cache
def _index() -> PhraseIndex:
    return PhraseIndex([*short_forms(), *starting_forms()])


def _edit(segments: Segments, hit: Hit) -> Edit | None:
    text = segments.text
    if text.count("\n", hit.start, hit.end) > 1 or _guarded(text, hit):
        return None
    if is_mention(text, hit.start, hit.end) or is_needed(text, hit.start, hit.end, hit.phrase):
        return None
    short = short_forms().get(hit.phrase)
    if (opening := starting_forms().get(hit.phrase)) is not None and begins_sentence(text, hit.start):
        short = opening
    if short is None:
        return None
    edit = replaced(segments, hit.start, hit.end, short, "phrase")
    return edit if edit and len(edit.text) < edit.end - edit.start else None


def _guarded(text: str, hit: Hit) -> bool:
    guard = guards().get(hit.phrase)
    if guard is None:
        return False
    before, after = guard
    if before and (following := _AFTER.match(text, hit.end)):
        word = _bare(following[0])
        if word in before or ("#" in before and word[:1].isdigit()):
            return True
    preceding = _BEFORE.search(text, max(0, hit.start - 24), hit.start) if after else None
    return bool(preceding and _bare(preceding[0]) in after)


def _bare(word: str) -> str:
    return word.strip(' \t,.;:()"').lower().replace("\u2019", "'")
