"""Replace verbose phrases by short ones that mean the same in every text."""

from __future__ import annotations

import functools
import re
from bisect import bisect_right

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit
from llmopt.prompts.rewriting.cuts import replaced
from llmopt.prompts.rewriting.lookup import Hit, PhraseIndex, words_of
from llmopt.prompts.rewriting.scope import is_legal, scope_of
from llmopt.prompts.rewriting.tables import guards, short_forms
from llmopt.prompts.spans import BlockKind, Segments

_PROSE: frozenset[BlockKind] = frozenset({"prose", "list", "heading"})
_BEFORE = re.compile(r"[\w'\u2019\u0300-\u036f]+[^\w\n]{0,2}$")
_AFTER = re.compile(r"[^\w\n]{0,2}[\w'\u2019\u0300-\u036f]+")
_WORDING = """
proofread proofreading grammar grammatical grammatically verbatim rewrite rephrase paraphrase reword translate
translation translator edit editing editor spelling typos wording quote quotes readability plagiarism
contract clause clauses legal law exact exactly dịch tả pháp hợp
"""
_WORDING_MATTERS = frozenset(_WORDING.split())
"""Words of a prompt that is about how its material is worded."""
_ADDRESSING = "please note mind sure lòng xin hãy lưu nhớ bạn rằng"
_ADDRESSES = frozenset(_ADDRESSING.split())
"""Words of phrases that speak to the reader."""


def phrases(segments: Segments, _context: Context) -> list[Edit]:
    """Replace verbose phrases by short ones."""
    hits = _index().hits(segments.text)
    if not hits or is_legal(segments.text):
        return []
    scope = scope_of(segments)
    worded = not words_of(segments.text).isdisjoint(_WORDING_MATTERS)
    starts = [block.start for block in segments.blocks]
    found: list[Edit] = []
    for hit in hits:
        if segments.blocks[bisect_right(starts, hit.start) - 1].kind not in _PROSE:
            continue
        if not scope.instructs(hit.start) and (worded or not _says_the_same_anywhere(hit.phrase)):
            continue
        edit = _edit(segments, hit)
        if edit and (not found or edit.start >= found[-1].end):
            found.append(edit)
    return found


@functools.cache
def _index() -> PhraseIndex:
    return PhraseIndex(short_forms())


def _says_the_same_anywhere(phrase: str) -> bool:
    """Return whether a phrase may be replaced in material too: not what addresses the reader."""
    return bool(short_forms()[phrase]) and _ADDRESSES.isdisjoint(phrase.split())


def _edit(segments: Segments, hit: Hit) -> Edit | None:
    text = segments.text
    if text.count("\n", hit.start, hit.end) > 1 or _guarded(text, hit):
        return None
    edit = replaced(segments, hit.start, hit.end, short_forms()[hit.phrase], "phrase")
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
