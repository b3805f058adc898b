"""Drop courtesies, and words that only fill, from sentences that instruct.

What the prompt is about (a review, a letter) keeps both; `rewriting.scope` tells it apart. So does a text that asks
for nothing: a chat turn `Thank you!` is not a prompt with filler.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit, in_order
from llmopt.prompts.rewriting.courtesies import Lexicon, lexicon_of_courtesies
from llmopt.prompts.rewriting.cuts import begins_sentence, capital, cut
from llmopt.prompts.rewriting.lookup import Hit, spellings
from llmopt.prompts.rewriting.mentions import is_spoken_of
from llmopt.prompts.rewriting.openers import commands, opened, verb_follows, verbs
from llmopt.prompts.rewriting.scope import scope_of
from llmopt.prompts.rewriting.sentences import prose_at, sentences
from llmopt.prompts.rewriting.tables import table
from llmopt.prompts.spans import Segments

_SENTENCE_END = re.compile(r"[ \t]*(?:[.!,]+|:\)|🙏|😊)*[ \t]*(?=[\n\r]|$|\S)")
_CLOSED = re.compile(r"[ \t]*(?:[.!?,;:]|\r?\n|$)")
_ASKING = re.compile(
    r"(?:please|kindly|could you|can you|i (?:want|need|would like)|i'd like|you should|your (?:task|job|goal)|"
    r"vui lòng|hãy|xin hãy)\b",
    re.I,
)
_AFTER_A_SENTENCE = re.compile(r"[.!?:][ \t]*$")
_WORD = re.compile(r"[^\W_]+(?:['\u2019._-][^\W_]+)*")
_PRONOUN = re.compile(r"\b(?:this|it|that|these|those|them) $", re.I)
_NOT_BEFORE = re.compile(r"(?:\bnot|n['\u2019]t|\bthe|\bhow|\bso|\bno|\bsuch|\bwhat|\bis it|\bthat) $", re.I)
_PARTICLES = frozenset(["nhé", "nha", "ạ", "bạn nhé"])
"""Words that end a sentence and only make it kind."""
_LAST_WORDS = re.compile(r"(?:[\w\u0300-\u036f]+ ){1,3}$")


def politeness(segments: Segments, _context: Context) -> list[Edit]:
    """Drop politeness and filler."""
    lexicon = lexicon_of_courtesies()
    hits = lexicon.index.hits(segments.text)
    if not hits:
        return []
    in_prose = prose_at(segments)
    inside = [hit for hit in hits if in_prose(hit.start) and not segments.overlapping(hit.start, hit.end)]
    found = [(hit, edit) for hit in inside for edit in _edits(segments, hit, lexicon.kinds[hit.phrase])]
    scope = scope_of(segments) if found else None
    if scope is None:
        return []
    found = [(hit, edit) for hit, edit in found if scope.instructs(edit.start)]
    if not _asks_for_something(segments, [hit for hit, _ in found], inside, lexicon):
        return []
    return in_order([edit for _, edit in found])


def _asks_for_something(segments: Segments, hits: list[Hit], inside: list[Hit], lexicon: Lexicon) -> bool:
    """Return whether any sentence of the text, which some phrases were cut from, is an instruction."""
    text = segments.text
    if any(lexicon.kinds[hit.phrase] == "request" for hit in hits):
        return True
    if any(lexicon.kinds[hit.phrase] == "request" and verb_follows(text, hit.end) for hit in inside):
        return True
    if any(lexicon.kinds[hit.phrase] == "filler" and commands(text, hit.end + 2) for hit in hits):
        return True
    return any(commands(text, sentence.start) for sentence in sentences(segments))


def _edits(segments: Segments, hit: Hit, kind: str) -> Iterator[Edit]:
    if kind in ("request", "within", "closing"):
        yield from _courtesy(segments, hit)
    elif kind == "thanks" or (kind == "greeting" and hit.start < 200 and not segments.text[: hit.start].strip()):
        yield from _whole_sentence(segments, hit)
    elif kind == "filler":
        yield from _filler(segments, hit)
    elif kind == "for_me":
        yield from _for_me(segments, hit)
    elif kind == "strong":
        start, end = hit.start, hit.start + hit.phrase.index(" ")
        shouted = segments.text[start:end].isupper()
        if not shouted and not _NOT_BEFORE.search(segments.text, max(0, start - 8), start):
            yield from _some(cut(segments, start, end, "filler"))


def _courtesy(segments: Segments, hit: Hit) -> Iterator[Edit]:
    text = segments.text
    found = opened(segments, hit, "politeness", anywhere=True)
    if found:
        yield from found
    elif hit.phrase in ("please", "kindly"):
        if text[hit.start - 2 : hit.start] == ", " and _CLOSED.match(text, hit.end):
            yield from _some(cut(segments, hit.start, hit.end, "politeness"))
    elif _CLOSED.match(text, hit.end):
        if is_spoken_of(text, hit.start) or hit.phrase not in _closings():
            return
        start = _sentence_start(text, hit.start)
        clauses = (start, text.rfind(", ", start, hit.start) + 2, text.rfind(" thì ", start, hit.start) + 5)
        if hit.phrase in _PARTICLES or any(at >= start and commands(text, at) for at in clauses):
            yield from _some(cut(segments, hit.start, hit.end, "politeness"))
    elif hit.phrase in _withins() and _verb_before(text, hit.start):
        yield from _some(cut(segments, hit.start, hit.end, "politeness"))


def _whole_sentence(segments: Segments, hit: Hit) -> Iterator[Edit]:
    """Yield the cut of a sentence that only thanks or greets."""
    text = segments.text
    if not begins_sentence(text, hit.start):
        return
    match = _SENTENCE_END.match(text, hit.end)
    if match is None or (match.end() < len(text) and not _ends(text, hit.end, match.end())):
        return
    start, end = hit.start, match.end()
    alone = not start or text[start - 1] == "\n"
    if not alone and not _AFTER_A_SENTENCE.search(text, max(0, start - 16), start):
        return
    if alone and text[end : end + 1] == "\n":
        end += 1
    elif end == len(text) or text[end] in "\r\n":
        while start and text[start - 1] in " \t":
            start -= 1
    if segments.overlapping(start, end + 1 if end < len(text) else end):
        return
    word = _WORD.match(text, end)
    cased = capital(word[0])[0] if word and word[0].islower() and start == hit.start else ""
    yield Edit(start, end + len(cased), cased, "politeness")


def _ends(text: str, start: int, end: int) -> bool:
    """Return whether a sentence ends between two offsets and another may begin."""
    between = text[start:end]
    if text[end] in "\r\n":
        return True
    if not between.endswith((" ", "\t")):
        return False
    return (
        text[end].isupper()
        if any(mark in between for mark in "!.")
        else "," in between and (text[end].islower() or text[end : end + 2] in ("I ", "I'"))
    )


def _filler(segments: Segments, hit: Hit) -> Iterator[Edit]:
    text = segments.text
    if text[hit.end : hit.end + 1] != ",":
        return
    following = hit.end + 2
    asks = bool(_ASKING.match(text, following)) or commands(text, following)
    if (begins_sentence(text, hit.start) and asks) or (
        hit.phrase in _insides() and text[hit.start - 2 : hit.start] == ", "
    ):
        yield from _some(cut(segments, hit.start, hit.end, "filler"))


def _for_me(segments: Segments, hit: Hit) -> Iterator[Edit]:
    text = segments.text
    if not _CLOSED.match(text, hit.end) or not commands(text, _sentence_start(text, hit.start)):
        return
    if text[hit.end : hit.end + 1] == ":" or _PRONOUN.search(text, max(0, hit.start - 8), hit.start):
        yield from _some(cut(segments, hit.start, hit.end, "politeness"))


def _sentence_start(text: str, at: int) -> int:
    """Return where the sentence around an offset starts, looking back a little."""
    floor = max(0, at - 400)
    start = max(text.rfind(mark, floor, at) for mark in (". ", "! ", "? ", "\n", ": ")) + 1
    while start < at and not text[start].isalpha():
        start += 1
    return start


def _verb_before(text: str, at: int) -> bool:
    match = _LAST_WORDS.search(text, max(0, at - 40), at)
    if match is None:
        return False
    words = unicodedata.normalize("NFC", match[0].lower()).split()
    return any(" ".join(words[-count:]) in verbs()[2] for count in (1, 2, 3))


@functools.cache
def _closings() -> frozenset[str]:
    return frozenset(spelling for phrase in table("vi")["requests"]["final"] for spelling in spellings(phrase))


@functools.cache
def _withins() -> frozenset[str]:
    return frozenset(spelling for phrase in table("vi")["requests"]["within"] for spelling in spellings(phrase))


@functools.cache
def _insides() -> frozenset[str]:
    rows = [*table("en")["filler"]["inside"], *table("vi")["filler"]["inside"]]
    return frozenset(spelling for phrase in rows for spelling in spellings(phrase))


def _some(edit: Edit | None) -> Iterator[Edit]:
    if edit is not None:
        yield edit
