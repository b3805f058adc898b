"""What stands before the verb of an instruction and may go: `Could you please` (a request), `You should` (a duty).

An opener goes only where a verb of the lists follows: `you should see an error` and `can you swim?` stay.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator

from llmopt.prompts.edits import Edit
from llmopt.prompts.rewriting.cuts import begins_sentence, cut
from llmopt.prompts.rewriting.lookup import Hit, PhraseIndex, spellings
from llmopt.prompts.rewriting.tables import table
from llmopt.prompts.spans import Segments

_WORDS = re.compile(r"[ \t]*([\w\u0300-\u036f]+)(?:[ \t]+([\w\u0300-\u036f]+))?(?:[ \t]+([\w\u0300-\u036f]+))?")
_JOINED = re.compile(r"(?:, |; | \(|\b(?:and|then|also|so|và|thì|rồi|sau đó|but|nhưng)[, ] ?)$")
_CONDITIONAL = (
    "if|when|whenever|because|since|given|due to|for|in|once|after|before|unless|where|while|as|to|"
    "vì|bởi vì|do|nếu|khi|với|để|trong|sau|trước"
)
_CONDITION = re.compile(
    rf"(?:^|[.!?:\n][ \t]*|(?:[-*+•\u2013]|\d[.)])[ \t]+)(?:{_CONDITIONAL})\b[^.!?\n]{{0,300}}, $", re.I
)
_ASKS = re.compile(r"(?:please )?(?:could|can|would|will)\b|i (?:was|am) wondering|i wonder|i was hoping")
_DONT = re.compile(r"[ \t]*don['\u2019]t [a-z]")
_STOP = re.compile(r"[.!?\n]")
_HELP = re.compile(r" help (?:me|us)\b| ?\bgiúp (?:tôi|mình|em|chúng tôi)\b")
_MAY_YOU = re.compile(r"(?:bạn|em|anh|chị) (?:có thể|giúp)\b")
_GRANTED = re.compile(
    r"(?<=\S)(?: giúp (?:tôi|mình|em))?(?: với)?(?: được)? không(?: ạ| vậy| nhỉ| nhé| vậy ạ)?\?(?=\s|$)"
)
"""How a question ends that asks for something in Vietnamese."""
_PARTICLES = ("hãy", "vui lòng", "làm ơn")
_ANY_VERB = re.compile(
    r" (?!(?:để|là|cho|còn|như|được|rằng|bạn|tôi|mình|khách|người|nhất|nhau|lòng|cảm|cám)\b)[^\W\d_A-Z]+ [^\W_]"
)
_SUBJECT = re.compile(r"(?:i|we|could|can|would|will|it|what|tôi|mình|bạn|em|chúng tôi)\b")
_STATES = re.compile(
    r"(?:[^,.\n]{1,20}, )?(?:I|We|I['\u2019]\w+|My|Our|Here|There|Below|This|These|You (?:are|will)|Tôi|Mình|Em|"
    r"Chúng tôi|Dưới đây|Đây)\b",
    re.I,
)
"""How a statement begins that an instruction may be joined to."""
_AND = re.compile(r",? (?:and|và) $")
_AND_TO = re.compile(r"(?:,|\band|\bthen|\bor)( to)(?= )")
_FOLLOWING = """
the a an this that these those each every all any your my our their his her its it them me us only for in with and
as if up at no one two three both to be sure what how why whether which following like
"""
_DETERMINERS = frozenset(_FOLLOWING.split())
"""Words of which one follows a verb that could be a noun: `State the reason`, not `State schools`."""
_QUOTES = "\"'\u2018\u201c«`"


@functools.cache
def verbs() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the verbs of instructions in English, the adverbs that go before them, and the verbs in Vietnamese."""
    english, vietnamese = table("en")["requests"], table("vi")["requests"]
    return (
        frozenset(english["imperatives"].split()),
        frozenset(english["adverbs"].split()),
        frozenset(verb.strip() for verb in vietnamese["imperatives"].split(",")),
    )


def verb_follows(text: str, at: int) -> bool:
    """Return whether the verb of an instruction, perhaps behind an adverb, comes next."""
    match = _WORDS.match(text, at, at + 120)
    if match is None:
        return False
    if _DONT.match(text, at):
        return True
    words = [unicodedata.normalize("NFC", word) for word in match.groups() if word]
    english, adverbs, vietnamese = verbs()
    if any(" ".join(words[:count]) in vietnamese for count in (1, 2, 3)):
        return True
    if words[0] == "do" and not (len(words) > 1 and text[match.end(2) : match.end(2) + 1] == " "):
        return False
    if words[:2] == ["do", "not"]:
        return True
    while words and words[0] in adverbs:
        words = words[1:]
    return (
        bool(words)
        and words[0] in english
        and text[match.end(1) : match.end(1) + 1] not in ("'", "\u2019", "-", "_", ".")
    )


def commands(text: str, at: int) -> bool:
    """Return whether a sentence that begins at an offset is an instruction."""
    if at >= len(text):
        return False
    beginning = text[at].lower() + text[at + 1 : at + 120]
    if not verb_follows(beginning, 0):
        return False
    words = _WORDS.match(beginning)
    return not (words and words[1] in _nouns_too() and words[2] and words[2].lower() not in _DETERMINERS)


@functools.cache
def _nouns_too() -> frozenset[str]:
    return frozenset(table("en")["requests"]["nouns_too"].split())


def may_open(text: str, at: int, *, anywhere: bool) -> bool:
    """Return whether an opener may stand at an offset: at the beginning of a sentence, or of its main clause.

    Args:
        text: any text.
        at: where it starts.
        anywhere: whether a comma or `and` before it is enough; otherwise a condition must come before.
    """
    if at and text[at - 1] in _QUOTES:
        return False
    if begins_sentence(text, at):
        return True
    before = text[max(0, at - 320) : at]
    return bool((_JOINED if anywhere else _CONDITION).search(before))


def opened(segments: Segments, hit: Hit, rule: str, *, anywhere: bool) -> list[Edit]:
    """Return the edits that take an opener from its verb; a question becomes an instruction.

    Args:
        segments: the text.
        hit: the opener.
        rule: why.
        anywhere: as for `may_open`.
    """
    text = segments.text
    if (asked := _HELP.search(hit.phrase)) and not _helpable().match(text, hit.end):
        shorter = Hit(hit.start, hit.start + asked.start(), hit.phrase[: asked.start()])
        return opened(segments, shorter, rule, anywhere=anywhere) if asked.start() else []
    if not may_open(text, hit.start, anywhere=anywhere) or not _verb_of(hit, text):
        return []
    asks = bool(_ASKS.match(hit.phrase))
    stop = _STOP.search(text, hit.end, hit.end + 400)
    if _MAY_YOU.match(hit.phrase):
        asks, stop = True, _GRANTED.search(text, hit.end, stop.end()) if stop else None
        if stop is None:
            return []
    edit = _cut(segments, hit, rule)
    if edit is None:
        return []
    edits = [edit, *_infinitives(segments, hit, rule)]
    if asks and stop and stop[0].endswith("?") and not segments.overlapping(stop.start(), stop.end()):
        edits.append(Edit(stop.start(), stop.end(), ".", rule))
    return edits


def _verb_of(hit: Hit, text: str) -> bool:
    """Return whether what follows an opener is a verb: after a particle such as `hãy`, almost any word is."""
    if verb_follows(text, hit.end):
        return True
    return hit.phrase.endswith(_PARTICLES) and bool(_ANY_VERB.match(text, hit.end))


def _cut(segments: Segments, hit: Hit, rule: str) -> Edit | None:
    """Return the edit that cuts an opener; one with a subject, behind a statement, leaves a semicolon."""
    text = segments.text
    joined = _AND.search(text, max(0, hit.start - 8), hit.start)
    if " also " in hit.phrase:
        also = "Also" if text[hit.start].isupper() else "also"
        return None if segments.overlapping(hit.start, hit.end) else Edit(hit.start, hit.end, also, rule)
    if joined is None or not _SUBJECT.match(hit.phrase):
        return cut(segments, hit.start, hit.end, rule)
    floor = max(0, hit.start - 400)
    start = max(text.rfind(mark, floor, hit.start) for mark in (". ", "! ", "? ", "\n", ": ")) + 1
    while start < hit.start and not text[start].isalpha():
        start += 1
    if not _STATES.match(text, start):
        return cut(segments, hit.start, hit.end, rule)
    if segments.overlapping(joined.start(), hit.end):
        return None
    return Edit(joined.start(), hit.end, ";", rule)


def _infinitives(segments: Segments, hit: Hit, rule: str) -> Iterator[Edit]:
    """Yield the cuts of `to` before verbs joined to the one that an opener ended in `to` for."""
    if not hit.phrase.endswith(" to"):
        return
    text = segments.text
    stop = _STOP.search(text, hit.end, hit.end + 400)
    for match in _AND_TO.finditer(text, hit.end, min(stop.start() if stop else len(text), hit.end + 400)):
        verb = _WORDS.match(text, match.end())
        joined = match[0][0] != "," and verb and verb[1].islower() and verb[1] not in _DETERMINERS
        if verb and (verb[1] in verbs()[0] or joined) and not segments.overlapping(match.start(1), match.end()):
            yield Edit(match.start(1), match.end(), "", rule)


@functools.cache
def requests() -> frozenset[str]:
    """Return what courtesy puts before a verb, in all spellings."""
    found: set[str] = set()
    for name in ("en", "vi"):
        rows = table(name)["requests"]
        found |= {row.replace("*", kind) for row in rows["appreciating"] for kind in rows["appreciated"]}
        found |= {*rows["openers"], *(f"{opener} {more}" for opener in rows["openers"] for more in rows["more"])}
        found |= {more for more in rows["more"] if name == "vi" and more != "giúp"}
    return _spelled(found)


@functools.cache
def duties() -> frozenset[str]:
    """Return what tells somebody that the verb is theirs to do, in all spellings."""
    return _spelled([*table("en")["duties"]["openers"], *table("vi")["duties"]["openers"]])


@functools.cache
def opener_index() -> PhraseIndex:
    """Return the index of duties and their forms with `always`."""
    return PhraseIndex([*duties(), *table("en")["duties"]["always"]])


def _spelled(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(spelling for phrase in phrases for spelling in spellings(phrase))


@functools.cache
def _helpable() -> re.Pattern[str]:
    """Return the verbs that somebody who is asked to help does alone: not `help me learn`."""
    english, vietnamese = table("en")["requests"]["helpable"].split(), table("vi")["requests"]["helpable"]
    return re.compile(rf" (?:{'|'.join([*english, *vietnamese.split(', ')])})\b")
