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
    "using|helping|writing|learning|applying|looking|trying|working|asking|seeking|reading|speaking|studying|living"
)
_OTHER_WORDS = """
if when whether and or but so because as since unless that like what which who is are was were be been it this
ensure verify check say says said think know note assume believe see make sure certain only all such than then not while
where how why until though although means mean show shows indicate confirm remember required important clear true
everything do does did to of in on for from with by at about one ones just even never always
"""
_NOT_NOUNS = frozenset(_OTHER_WORDS.split())
_REDUCED = re.compile(
    rf"\b([A-Za-z][a-z]{{1,30}}) (?:that|which|who) (?:is|are|was|were|has been|have been) "
    rf"(?=(?:{_PARTICIPLES})\b|(?:{_ACTING}) [a-z])"
)
_DROPPED = re.compile(
    r"\b(?:the|an?|any|each|every|some|of|these|those|other) (?:[a-z]{2,20} )?([a-z]{2,30}) that (?=(?:you|we|I)\b)"
)
_CONTENT = """
fact idea way news claim statement belief condition assumption event case time day point extent degree sense
impression promise proof evidence chance possibility risk risks hope conclusion manner fashion rule requirement note
reason understanding expectation moment instant first so feeling
"""
_NO_THING = frozenset(_CONTENT.split())
"""Nouns of which a clause says what they are (`the fact that you came`)."""


_FOLLOWING = re.compile(
    r"\b([Tt]he following) (?:[a-z]{2,20} )?(?!news\b|series\b)[a-z]{2,20}(?<!ss)(?<!is)(?<!us)(?<=s):"
)


def reductions(segments: Segments) -> Iterator[Edit]:
    """Yield the edits that shorten relative clauses."""
    text = segments.text
    for match in _FOLLOWING.finditer(text):
        if not segments.overlapping(match.start(), match.end()):
            yield Edit(match.start(1), match.end(1), "These" if match[1][0] == "T" else "these", "phrase")
    if " that " not in text and " which " not in text and " who " not in text:
        return
    for match in _REDUCED.finditer(text):
        if match[1].lower() not in _NOT_NOUNS and match[1] == match[1].lower():
            yield from _cut(segments, match.end(1) + 1, match.end())
    for match in _DROPPED.finditer(text):
        noun = match[1]
        if noun not in _NO_THING and noun not in _NOT_NOUNS and not noun.endswith("ly"):
            yield from _cut(segments, match.end(1) + 1, match.end())


def _cut(segments: Segments, start: int, end: int) -> Iterator[Edit]:
    if not segments.overlapping(start, end):
        yield Edit(start, end, "", "phrase")
