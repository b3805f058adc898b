"""Rewrite instructions (sentences, list items, labels) in fewer words; what is asked for and its form stay."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit, in_order
from llmopt.prompts.rewriting.formats import short_format
from llmopt.prompts.rewriting.intros import short_intro, short_label
from llmopt.prompts.rewriting.items import short_item
from llmopt.prompts.rewriting.lookup import Hit, words_of
from llmopt.prompts.rewriting.openers import commands, duties, may_open, opened, opener_index, verb_follows
from llmopt.prompts.rewriting.scope import scope_of
from llmopt.prompts.rewriting.sentences import Sentence, prose_at, sentences
from llmopt.prompts.rewriting.tables import table
from llmopt.prompts.spans import Segments

_ENGLISH = """
following provide present give return write deliver format structure should overall key main specific list suggestions
recommendations ideas here below input customer user any mentioned answer response
"""
_VIETNAMESE = "sau cung trình đưa các những tổng thể dưới đây khách đầu nếu"
_TRIGGERS = frozenset((_ENGLISH + _VIETNAMESE).split())
"""A text that has none of these words has nothing to rewrite but openers."""
_LABEL = re.compile(r"[^\W\d_][^\n:{}.!?]{0,60}:$")
_TO_INCLUDE = re.compile(r"\b(?:should|must|shall|needs to|has to) (?:include|contain|cover|mention|address|provide):$")
_NOT = re.compile(r" not (?=[a-z])")
_BE = re.compile(r" be\b")
_IS_SO = re.compile(r" be (?:fine|ok|okay|able|there|done|ready|set|good|in|at|on|there|over|seeing|getting|all)\b")
_NEEDS = ("need", "have", "will", "required")
_LONGEST = 400


def instructions(segments: Segments, _context: Context) -> list[Edit]:
    """Rewrite instructions by rules."""
    hits = opener_index().hits(segments.text)
    wanted = not _TRIGGERS.isdisjoint(words_of(segments.text))
    if not hits and not wanted:
        return []
    found = list(_opened(segments, hits))
    if wanted:
        found += _rewritten(segments)
    if not found:
        return []
    scope = scope_of(segments)
    return in_order([edit for edit in found if scope.instructs(edit.start)])


def _opened(segments: Segments, hits: list[Hit]) -> Iterator[Edit]:
    text = segments.text
    in_prose = prose_at(segments)
    always = table("en")["duties"]["always"]
    for hit in hits:
        if not in_prose(hit.start) or segments.overlapping(hit.start, hit.end):
            continue
        if hit.phrase in always:
            if verb_follows(text, hit.end):
                yield Edit(hit.start + len("always"), hit.end, "", "instruction-opener")
        elif hit.phrase in duties() and not (_BE.match(text, hit.end) and any(word in hit.phrase for word in _NEEDS)):
            yield from _duty(segments, hit)


def _duty(segments: Segments, hit: Hit) -> Iterator[Edit]:
    text = segments.text
    negated = _NOT.match(text, hit.end)
    if negated and hit.phrase == "you should" and verb_follows(text, negated.end()):
        if may_open(text, hit.start, anywhere=False):
            yield Edit(hit.start, hit.end, "Do" if text[hit.start].isupper() else "do", "instruction-opener")
    elif not negated and not _IS_SO.match(text, hit.end):
        yield from opened(
            segments, hit, "instruction-opener", anywhere=not hit.phrase.startswith(("you", "the ", "in "))
        )


def _rewritten(segments: Segments) -> Iterator[Edit]:
    """Yield the edits of whole sentences, labels and items."""
    text = segments.text
    all_sentences = [item for item in sentences(segments) if item.end - item.start <= _LONGEST]
    labels = [text[item.start : item.end - 1].lower() for item in all_sentences if _is_label(text, item)]
    listed: list[Sentence] = []
    introduced = False
    for sentence in all_sentences:
        if sentence.item:
            listed += [sentence] if introduced else []
            continue
        yield from _items(segments, listed)
        listed = []
        introduced = _introduces(text, sentence)
        yield from _sentence(segments, sentence, labels)
    yield from _items(segments, listed)


def _introduces(text: str, sentence: Sentence) -> bool:
    """Return whether a sentence asks for the items below it: `Provide:`, `The email should include:`."""
    if text[sentence.end - 1] != ":":
        return False
    return commands(text, sentence.start) or bool(
        _TO_INCLUDE.search(text, max(sentence.start, sentence.end - 40), sentence.end)
    )


def _is_label(text: str, sentence: Sentence) -> bool:
    return text[sentence.end - 1] == ":" and bool(_LABEL.match(text, sentence.start, sentence.end))


def _sentence(segments: Segments, sentence: Sentence, labels: list[str]) -> Iterator[Edit]:
    text = segments.text
    whole = text[sentence.start : sentence.end].replace("\n", " ")
    if segments.overlapping(sentence.start, sentence.end):
        return
    last = text[sentence.end : sentence.end + 1] in ("", "\n", "\r")
    if found := short_format(whole, last=last):
        yield Edit(sentence.start, sentence.start + found[0], found[1], "instruction-format")
        return
    short = short_intro(whole, labels)
    if short != whole:
        if len(short) < len(whole):
            yield from _smallest(sentence.start, whole, short, "instruction-intro")
    elif whole.endswith(":") and sentence.first and (short := short_label(whole, labels)) != whole:
        yield Edit(sentence.start, sentence.end, short, "instruction-label")


def _items(segments: Segments, listed: list[Sentence]) -> Iterator[Edit]:
    texts = [segments.text[item.start : item.end] for item in listed]
    for item, whole in zip(listed, texts, strict=True):
        short = short_item(whole, texts)
        if short != whole and short and not segments.overlapping(item.start, item.end):
            yield Edit(item.start, item.end, short, "instruction-item")


def _smallest(start: int, old: str, new: str, rule: str) -> Iterator[Edit]:
    """Yield the edit without what both have at the end."""
    same = 0
    while same < min(len(old), len(new)) and old[-1 - same] == new[-1 - same]:
        same += 1
    yield Edit(start, start + len(old) - same, new[: len(new) - same], rule)
