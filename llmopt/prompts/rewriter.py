"""A model that shortens prose, kept on a leash: from what it answers, only dropped words are taken.

Models that compress text fuse words and drop `not` (of LLMLingua its users report fused words, and changes inside
regions that they had protected). So an answer does not replace the text. It says which words to keep; the others are
deleted, and every character that stays is the author's. An answer with a word that the text has not, or has elsewhere,
is no such list: the piece is left as it is.

Only plain words go: letters, with an apostrophe or a hyphen inside. Whatever the answer says, these stay: negations,
quantifiers and numbers with the nearest words that they may be about, conditions (`if`, `should`), words in capitals,
in brackets or quotes, labels (`Answer:`), words that touch a placeholder or other span, the first word of a line, and
the end of a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Protocol

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit, applied
from llmopt.prompts.facts import facts
from llmopt.prompts.spans import Segments

RULE = "llmlingua"
FEWEST_WORDS = 8
"""A shorter piece says too little for a model to judge it by."""
PROSE = 1 / 10
"""Share of little words (`the`, `of`, `is`) that could go, above which a piece is prose. Of XQuAD's paragraphs, median
and lowest tenth: 0.30 and 0.19 in English, 0.20 and 0.12 in Vietnamese."""


class Rewriter(Protocol):
    """Shortens prose by dropping words; `llmopt.models.lingua.LinguaRewriter` is one."""

    def rewrite(self, text: str) -> str:
        """Return the words of a text that matter, in its order; the same answer for the same text."""


def rewriting(rewriter: Rewriter) -> Callable[[Segments, Context], list[Edit]]:
    """Return a pass that drops the words that a rewriter drops.

    A model that keeps half of the words would keep half of these again. So a piece with hardly any little words left is
    taken as done, and an answer that leaves more of them is not taken: the pass changes nothing the second time.
    """
    answers: dict[str, str] = {}

    def asked(piece: str) -> str:
        if piece not in answers:
            answers[piece] = rewriter.rewrite(piece)
        return answers[piece]

    def dropped_words(segments: Segments, context: Context) -> list[Edit]:
        edits: list[Edit] = []
        for start, end in _pieces(segments):
            edits += _piece_edits(segments, start, end, asked, context)
        return edits

    return dropped_words


@dataclass(frozen=True, slots=True)
class _Word:
    """What stands between blanks; offsets into the whole text."""

    start: int
    end: int
    core_end: int
    """Behind the letters; commas and full stops may follow."""
    parts: tuple[str, ...]
    """Runs of letters and digits, to be compared."""
    plain: bool
    """Whether it may go."""
    fact: bool
    """Whether it is a negation, a quantifier or a number, or holds one."""

    @property
    def little(self) -> bool:
        """Whether it says nothing by itself."""
        return all(part in _LITTLE for part in self.parts)


_PLAIN = re.compile(r"[^\W\d_]++(?:['\u2019\-][^\W\d_]++)*+(?=[.,;!?…]*+\Z)")
_LINE_BREAK = re.compile(r"[^\S \t]")
_PARTS = re.compile(r"\w+")
_BETWEEN_BLANKS = re.compile(r"\S+")
_ENGLISH = (
    "a an the of to in on at by for from with as into onto over under about between through during before after above "
    "below and or but so if then than that this these those which who whom whose what when where while because "
    "although though i you he she it we they me him her us them my your his its our their is are was were be been "
    "being am do does did have has had will would shall should can could may might there here also just very quite "
    "really please"
)
_VIETNAMESE = (
    "và là của các những được bị cho với trong ở tại từ đến đã sẽ đang có này đó kia ấy để khi mà thì như vào ra lên "
    "xuống trên dưới về bởi theo hay hoặc nếu cũng rất nên vì do nhưng còn lại rằng bạn tôi chúng họ nó ta hãy sau "
    "trước việc sự cái con đây nào gì ai thế vậy rồi nữa qua giữa"
)
_CONDITIONS = (
    "if or but when while until before after than because although though should may might could "
    "nếu hoặc hay khi nhưng trước sau vì nên"
)
_BINDING = frozenset(_CONDITIONS.split())
"""Little words that say how two things go together, so that nobody may drop them."""
_LITTLE = frozenset(f"{_ENGLISH} {_VIETNAMESE}".split())


def _pieces(segments: Segments) -> Iterator[tuple[int, int]]:
    for block in segments.blocks:
        if block.kind == "prose":
            yield from segments.free(block.start, block.end)


def _piece_edits(
    segments: Segments, start: int, end: int, answer: Callable[[str], str], context: Context
) -> list[Edit]:
    """Return the edits of one piece; none where the answer cannot be trusted or saves nothing."""
    words = _words(segments.text, start, end)
    free = _free(words, segments.text, start, end)
    if len(words) < FEWEST_WORDS or not _is_prose(words, free):
        return []
    piece = segments.text[start:end]
    kept = _kept(words, answer(piece))
    if kept is None:
        return []
    stays = [is_kept or not may_go for is_kept, may_go in zip(kept, free, strict=True)]
    if _is_prose(list(compress(words, stays)), list(compress(free, stays))):
        return []
    edits = _deletions(segments.text, words, stays, start)
    shorter = applied(piece, [Edit(edit.start - start, edit.end - start, "", RULE) for edit in edits])
    if facts(shorter) != facts(piece) or context.tokens(shorter) >= context.tokens(piece):
        return []
    return edits


def _words(text: str, start: int, end: int) -> list[_Word]:
    words: list[_Word] = []
    for found in _BETWEEN_BLANKS.finditer(text, start, end):
        word = found[0]
        parts = _compared(word)
        stays = (len(word) > 1 and word.isupper()) or not _BINDING.isdisjoint(parts)
        plain = None if stays else _PLAIN.match(word)
        core_end = found.start() + (plain.end() if plain else len(word))
        words.append(_Word(found.start(), found.end(), core_end, parts, plain is not None, bool(facts(word))))
    return words


def _is_prose(words: Sequence[_Word], free: Sequence[bool]) -> bool:
    return sum(word.little for word in compress(words, free)) > PROSE * len(words)


def _compared(text: str) -> tuple[str, ...]:
    return tuple(_PARTS.findall(unicodedata.normalize("NFC", text).casefold()))


def _free(words: Sequence[_Word], text: str, start: int, end: int) -> list[bool]:
    """Say of each word whether it may go."""
    free: list[bool] = []
    bound = _bound_to_facts(words)
    behind = start - 1  # where the character before the piece is a line break, its first word begins a line
    for at, word in enumerate(words):
        begins_line = behind < 0 or _LINE_BREAK.search(text, behind, word.start) is not None
        touches_span = (at == 0 and word.start == start) or word.end == end < len(text)
        free.append(word.plain and not (begins_line or touches_span or bound[at]))
        behind = word.end
    return free


def _bound_to_facts(words: Sequence[_Word]) -> list[bool]:
    """Say of each word whether it is a fact or stands between one and the nearest word that it may be about."""
    bound = [False] * len(words)
    for places in (range(len(words)), reversed(range(len(words)))):
        near = False
        for at in places:
            bound[at] = bound[at] or near or words[at].fact
            near = words[at].fact or (near and words[at].little)
    return bound


def _kept(words: Sequence[_Word], answer: str) -> list[bool] | None:
    """Say of each word whether the answer has it; None where the answer is anything but words of the text in order.

    Matched from the end, so that an article goes with the noun behind it. A word of which a part is kept is kept.
    """
    wanted = list(_compared(answer))
    if not wanted:
        return None
    kept = [False] * len(words)
    for at in reversed(range(len(words))):
        for part in reversed(words[at].parts):
            if wanted and wanted[-1] == part:
                wanted.pop()
                kept[at] = True
    return None if wanted else kept


def _deletions(text: str, words: Sequence[_Word], stays: Sequence[bool], start: int) -> list[Edit]:
    """Return a deletion for each run of dropped words; the end of a sentence moves to the word before."""
    edits: list[Edit] = []
    at = 0
    while at < len(words):
        first = at
        while at < len(words) and not stays[at]:
            at += 1
        if at > first:
            edits += _deletion(text, words[first - 1] if first else None, words[first:at], start)
        at += 1
    return edits


def _deletion(text: str, before: _Word | None, run: Sequence[_Word], start: int) -> Iterator[Edit]:
    begin, end = before.end if before else start, run[-1].end
    last = text[begin - 1] if before else ""
    stop = next((word for word in reversed(run) if text[word.core_end : word.end].strip(",")), None)
    if stop is None or (last and last in ".;:!?…"):
        yield Edit(begin, end, "", RULE)
        return
    yield Edit(begin - (last == ","), stop.core_end, "", RULE)
    if stop.end < end:
        yield Edit(stop.end, end, "", RULE)
