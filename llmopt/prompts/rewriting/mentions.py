"""When a phrase stays though a short form is known: it is spoken about, or the words around it need it.

A prompt about style names the phrases that it forbids (`avoid in order to`, `- due to the fact that -> because`); a
noun such as `summary` stays where more is joined to it or said about it (`a summary of X and a title`).
"""

from __future__ import annotations

import re

_MENTIONING = re.compile(
    r"(?:\b(?:phrases?|words?|wordings?|terms?|expressions?|idioms?|fillers?|between|say|says|said|saying|writes?|wrote|written|"
    r"types?|typed|typing|called|titled|named|contain|contains|contained|containing|replace|replaces|replacing|"
    r"substitute|instead of|such as|like|change|(?:begin|start|end|open|close)(?:s|n?ing)? with|"
    r"cụm từ|từ|chữ|câu|nói|viết là|viết rằng|gõ|thay|như)|\b(?:avoid|drop|delete|remove)(?= ?$))"
    r"[ \t]*[:,(]?[ \t]*(?:(?:please|the|also) )?[*_'\"(]*$",
    re.I,
)
_NAMED = re.compile(
    r"\b(?:phrases?|words?|expressions?|wordings?|fillers?|clich[eé]s?|openers?|cụm từ|các từ|những từ)\b[^.!?\n]{0,24}"
    r"(?:\blike\b|\bsuch as\b|\bincluding\b|\bas in\b|\bnhư\b|[:(])[^.!?\n]*$",
    re.I,
)
_SENTENCE = re.compile(r"[.!?\n]")
_MORE = "to of that with for in where which on as when by why how whether rằng là để về của"
_OPEN_ENDED = frozenset(_MORE.split())
"""Words after which more must come."""
_NOTHING_MORE = re.compile(
    r"[*_]*[ \t]*(?:[,;:.!?)\]/=|\u2014\u2013]|->|=>|\u2192|(?:\r?\n[ \t]*(?:\r?\n|[-*•\d]))|\Z|"
    r"(?:should|must|is|are|was|were|can|will|with|instead|means?|or|and)\b)"
)
_ARROW = re.compile(r"[*_]*[ \t]*(?:->|=>|\u2192|=)")
_LINE_START = re.compile(r"(?:^|\n)[ \t]*(?:[-*+•]|\d{1,3}[.)])?[ \t]*[*_]*$")
_LINE_END = re.compile(r"[*_]*[ \t]*[.,;:]?[ \t]*(?:\r?\n|\Z)")
_HELPED = re.compile(
    r"\b(?:do|does|did|will|would|shall|should|to|may|might|must|can|could|let|lets|makes?|not|never|\w+n['\u2019]t)\b"
    r"[^.!?\n]{0,60}$",
    re.I,
)
_NOUN = re.compile(
    r"\b(?:analysis|review|summary|explanation|description|evaluation|assessment|comparison|translation|list|"
    r"classification|extraction|answers?|response|research|investigation|examination|improvements|corrections|"
    r"adjustments|bản tóm tắt|lời giải thích|sự so sánh|câu trả lời)\b"
)
_JOINED = re.compile(
    r"[,;(\u2014]|\b(?:and|or|which|that|it|its|whose|plus|both|as well as|along with|together with|than|so|và|hoặc|"
    r"kèm|cùng|mà|rằng|nó)\b|:(?!\s)",
    re.I,
)
_BEING = re.compile(r"\b(?:be|is|are|was|were|been|being|not|[a-z]+n.t) $", re.I)
_AND_THAT = re.compile(r"(?:,|\band|\bor|\bbut) that\b", re.I)
_ABOUT_IT = re.compile(r"[.!?]?['\")\]]*\s*(?:it|this|they|these|each|every|nó|chúng|mỗi)\b", re.I)


def is_spoken_of(text: str, start: int) -> bool:
    """Return whether what stands before a phrase says that it is one (`the phrase ...`, `avoid words like ...`)."""
    before = text[max(0, start - 200) : start]
    line = before[before.rfind("\n") + 1 :] if "\n" in before else before
    return bool(_MENTIONING.search(line[-48:]) or _NAMED.search(_last_sentence(line)))


def is_mention(text: str, start: int, end: int) -> bool:
    """Return whether a phrase is spoken about, not used."""
    if is_spoken_of(text, start) or _ARROW.match(text, end):
        return True
    if _LINE_START.search(text[max(0, start - 24) : start]) and _LINE_END.match(text, end):
        return True
    words = text[start:end].lower().split()
    return (len(words) == 1 or words[-1] in _OPEN_ENDED) and bool(_NOTHING_MORE.match(text, end))


def is_needed(text: str, start: int, end: int, phrase: str) -> bool:
    """Return whether the words around a phrase need it as it is.

    Args:
        text: any text.
        start: where the phrase starts.
        end: where it ends.
        phrase: in lower case, with single blanks.
    """
    if phrase.endswith(" that") and _AND_THAT.search(_rest(text, end)):
        return True
    if phrase.startswith(("in a ", "in an ")) and _BEING.search(text, max(0, start - 16), start):
        return True
    if phrase.startswith("have the ") and _HELPED.search(text[max(0, start - 90) : start]):
        return True
    if not _NOUN.search(phrase):
        return False
    last = end + len(_rest(text, end))
    return bool(_JOINED.search(text, end, last) or _ABOUT_IT.match(text, last))


def _rest(text: str, at: int) -> str:
    """Return the rest of a sentence."""
    stop = _SENTENCE.search(text, at, at + 300)
    return text[at : stop.start() if stop else at + 300]


def _last_sentence(line: str) -> str:
    return re.split(r"[.!?]", line)[-1]
