"""Shorten relative clauses: `the schema that is given below` is `the schema given below`.

Only those whose verb is a participle of a list, behind a word that can be a noun, and only in English; and `that` goes
before `you`, `we` or `I` behind a noun with its article (`the changes that you made`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmopt.prompts.edits import Edit
from llmopt.prompts.spans import Segments

_PARTICIPLES = (
    "provided|given|listed|shown|contained|included|mentioned|described|found|located|stored|written|used|required|needed|"
    "supplied|attached|specified|stated|displayed|presented|defined|discussed|made|based|related|grouped|sorted|designed|intended|"
    "aimed|targeted|enclosed|available|delimited|surrounded|separated|ordered|called|named|relevant to|suitable for"
)
_ACTING = (
    "using|helping|writing|learning|applying|looking|trying|working|asking|seeking|reading|speaking|studying|living|"
    "preparing|planning|suffering|experiencing|considering|moving|traveling|travelling|visiting|teaching|starting|"
    "running|managing|building|developing|selling|buying|waiting|staying|coming|containing|describing|showing"
)
_PREPOSITIONS = (
    "by|in|on|at|for|to|with|from|below|above|as|of|into|here|during|under|within|using|between|before|after"
)
_OTHER_WORDS = """
if when whether and or but so because as since unless that like what which who is are was were be been it this
ensure verify check say says said think know note assume believe see make sure certain only all such than then not while
where how why until though although means mean show shows indicate confirm remember required important clear true
everything do does did to of in on for from with by at about one ones just even never always
"""
_NOT_NOUNS = frozenset(_OTHER_WORDS.split())
_REDUCED = re.compile(
    r" (?:that|which|who) (?:is|are|was|were|has been|have been) "
    rf"(?=(?:{_PARTICIPLES})\b|(?:{_ACTING}) [a-z]|(?!supposed|allowed|permitted)[a-z]{{3,16}}ed (?:{_PREPOSITIONS})\b)"
)
_DROPPED = re.compile(r" that (?=(?:you|we|I)\b)")
_NOUN = re.compile(r"(?:^|[^\w-])([a-z]{2,30})$")
_NOUN_WITH_ARTICLE = re.compile(
    r"\b(?:the|an?|any|each|every|some|of|these|those|other) (?:[a-z]{2,20} )?([a-z]{2,30})$", re.I
)
_CONTENT = """
fact idea way news claim statement belief condition assumption event case time day point extent degree sense
impression promise proof evidence chance possibility risk risks hope conclusion manner fashion rule requirement note
reason understanding expectation moment instant first so feeling
"""
_NO_THING = frozenset(_CONTENT.split())
"""Nouns of which a clause says what they are (`the fact that you came`)."""


_FOLLOWING = re.compile(r"he following (?=(?:[a-z]{2,20} )?(?!news\b|series\b)[a-z]{2,20}(?<!ss)(?<!is)(?<!us)(?<=s):)")


def reductions(segments: Segments) -> Iterator[Edit]:
    """Yield the edits that shorten relative clauses, and `the following steps:`."""
    text = segments.text
    for match in _FOLLOWING.finditer(text):
        start = match.start() - 1
        if text[start : start + 1] in ("t", "T") and not text[max(0, start - 1) : start].isalnum():
            yield from _edit(segments, start, match.end(), "These " if text[start] == "T" else "these ")
    for match in _REDUCED.finditer(text):
        noun = _NOUN.search(text, max(0, match.start() - 32), match.start())
        if noun and noun[1] not in _NOT_NOUNS:
            yield from _edit(segments, match.start() + 1, match.end(), "")
    for match in _DROPPED.finditer(text):
        noun = _NOUN_WITH_ARTICLE.search(text, max(0, match.start() - 64), match.start())
        if noun and noun[1] not in _NO_THING | _NOT_NOUNS and not noun[1].endswith("ly"):
            yield from _edit(segments, match.start() + 1, match.end(), "")


def _edit(segments: Segments, start: int, end: int, short: str) -> Iterator[Edit]:
    if not segments.overlapping(start, end):
        yield Edit(start, end, short, "phrase")
