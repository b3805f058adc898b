"""Drop a sentence that says again, in the same words, what an earlier one said.

Only what is certain: the same words in the same order, but for articles, courtesies, a few synonyms and the side on
which the condition stands (`If X, do Y.` and `Do Y if X.`); so numbers, negations, names, quotes and modal verbs are
the same too. And only what tells the model to do something, twice in one part of the prompt: what stands below another
heading, label or number, or in another list, belongs there. Questions, verses, examples, what is quoted, and sentences
whose `it` or `them` is said elsewhere may repeat on purpose and stay.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterator

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit, in_order
from llmopt.prompts.rewriting.openers import commands
from llmopt.prompts.rewriting.scope import scope_of
from llmopt.prompts.rewriting.sentences import Sentence, sentences
from llmopt.prompts.rewriting.tables import table
from llmopt.prompts.spans import Segments

_WORD = re.compile(
    r"[\w\u0300-\u036f]+(?:['\u2019.,:/@%-]+[\w\u0300-\u036f]+)*%?|[^\w\s.,;!?'\"\u2019\u2018\u201c\u201d()]"
)
_CONDITION = re.compile(
    r"(?P<when>(?:if|when|unless|before|after|nếu|khi) [^,]{4,200}), (?:then )?(?P<then>[^,]{4,300})$", re.I
)
_TELLS = re.compile(r"you (?:must|should|may|can|need|have)\b|(?:never|always|only)\b", re.I)
_NEW_PART = re.compile(
    r"^[ \t]*(?:#|\(?\d+[.)]|\*\*|[-=*_]{3}|(?:[-*+\u2022][ \t]+)?[^\s\d:][^\n:]{0,60}:|<)|"
    r"\be\.g\.|\bexamples?\b|ví dụ",
    re.I | re.M,
)
"""What begins another part: a heading, a number, a label, a rule, a tag, an example."""
_PLEASE = re.compile(r"(?:please|kindly|vui lòng|hãy|xin hãy) ", re.I)
_MARKS = dict.fromkeys(map(ord, ".,;:!?'\"()\u2018\u2019\u201c\u201d"), " ")
_FEWEST = 5
_LONGEST = 600


def near_duplicates(segments: Segments, _context: Context) -> list[Edit]:
    """Drop sentences that say again what was said."""
    groups: dict[frozenset[str], list[Sentence]] = {}
    for sentence in sentences(segments):
        groups.setdefault(_words(segments.text[sentence.start : sentence.end]), []).append(sentence)
    found: list[Edit] = []
    for words, alike in groups.items():
        if len(alike) > 1 and len(words) >= _FEWEST - 1:
            found += _copies(segments, alike)
    return in_order(found)


def _copies(segments: Segments, alike: list[Sentence]) -> Iterator[Edit]:
    """Yield the edits that drop all but the first of the sentences that say the same."""
    scope = scope_of(segments)
    seen: dict[tuple[str, ...], Sentence] = {}
    for sentence in alike:
        signature = _signature(segments.text, sentence)
        if signature is None or not scope.instructs(sentence.start) or not _tells(segments, sentence):
            continue
        first = seen.get(signature)
        if first and _together(segments, first, sentence):
            yield from _without(segments, sentence)
        else:
            seen[signature] = sentence


def _tells(segments: Segments, sentence: Sentence) -> bool:
    """Return whether a sentence tells the model what to do, in plain words."""
    text = segments.text
    if any(span.kind in ("url", "quoted", "json") for span in segments.overlapping(sentence.start, sentence.end)):
        return False
    return any(commands(text, at) or _TELLS.match(text, at) for at in _clauses(text, sentence))


def _clauses(text: str, sentence: Sentence) -> list[int]:
    """Return where a sentence, and the main clause behind its condition, start."""
    match = _CONDITION.match(text, sentence.start, sentence.end)
    starts = [sentence.start, *([match.start("then")] if match else [])]
    return [courteous.end() if (courteous := _PLEASE.match(text, at)) else at for at in starts]


def _together(segments: Segments, first: Sentence, copy: Sentence) -> bool:
    """Return whether two sentences stand in one part of the text: the same list, or prose with nothing new between."""
    if first.kind != copy.kind or first.item != copy.item:
        return False
    text = segments.text
    if first.item:
        starts = [block.start for block in segments.blocks]
        same_list = bisect_right(starts, first.start) == bisect_right(starts, copy.start)
        return same_list and _indent(text, first.start) == _indent(text, copy.start)
    return not _NEW_PART.search(text, first.end, copy.start) and not _NEW_PART.match(
        text, text.rfind("\n", 0, copy.start) + 1
    )


def _indent(text: str, at: int) -> int:
    line = text.rfind("\n", 0, at) + 1
    return at - line


def _words(whole: str) -> frozenset[str]:
    """Return the words of a sentence, fast: what differs in them differs in what is compared."""
    empty, _, synonyms = _lexicon()
    words = whole.lower().translate(_MARKS).split()
    return frozenset([synonyms.get(word, word) for word in words]) - empty


@functools.cache
def _lexicon() -> tuple[frozenset[str], frozenset[str], dict[str, str]]:
    english, vietnamese = table("en")["same"], table("vi")["same"]
    empty = frozenset([*english["empty"].split(), *vietnamese["empty"].split()])
    rows = (english["repeated"], vietnamese["repeated"], english["anaphoric"], vietnamese["anaphoric"])
    repeated = frozenset(word for row in rows for word in row.split())
    return empty, repeated, english["words"]


def _signature(text: str, sentence: Sentence) -> tuple[str, ...] | None:
    """Return the words that count, or None for what may repeat on purpose or says too little."""
    whole = text[sentence.start : sentence.end]
    if sentence.kind == "heading" or len(whole) > _LONGEST or whole.endswith(("?", ":")):
        return None
    if ": " in whole or _numbered(text, sentence) or not (sentence.item or whole.endswith((".", "!"))):
        return None
    body = whole.rstrip(".! ")
    if match := _CONDITION.match(body):
        body = f"{match['then']} {match['when']}"
    empty, repeated, synonyms = _lexicon()
    names = [word for word in _WORD.findall(body[1:]) if word != word.lower()]
    words = [synonyms.get(word, word) for word in _WORD.findall(body.lower().replace("\u2019", "'"))]
    kept = [word for word in words if word not in empty]
    if len(set(kept)) < _FEWEST or not repeated.isdisjoint(kept):
        return None
    return (*kept, "", *sorted(name for name in names if name.lower() in kept and not _opens(name, match)))


def _opens(name: str, condition: re.Match[str] | None) -> bool:
    """Return whether a word has a capital only because its clause began the sentence."""
    return condition is not None and name in (condition["when"].split()[0], condition["then"].split()[0])


def _numbered(text: str, sentence: Sentence) -> bool:
    start = text.rfind("\n", 0, sentence.start) + 1
    return (
        any(character.isalnum() for character in text[max(start, sentence.start - 12) : sentence.start])
        and sentence.item
    )


def _without(segments: Segments, sentence: Sentence) -> Iterator[Edit]:
    """Yield the edit that takes a sentence out with the blanks before it, or with its whole line."""
    text = segments.text
    start, end = sentence.start, sentence.end
    if sentence.first:
        line = text.rfind("\n", 0, start) + 1
        rest = text.find("\n", end)
        alone = not text[end : rest if rest >= 0 else len(text)].strip()
        if alone and line:
            start, end = line - 1, end
        elif sentence.item:
            return
        else:
            while end < len(text) and text[end] in " \t":
                end += 1
    else:
        while start and text[start - 1] in " \t":
            start -= 1
    if not segments.touches_guarded(start, end):
        yield Edit(start, end, "", "near-duplicate")
