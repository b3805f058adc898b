"""Shorten the items below a line such as `Provide:`: what is asked for stays, words that every such item has go."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PLURALS = (
    r"(?:topics|themes|points|issues|findings|insights|takeaways|ideas|aspects|features|details|facts|trends|concepts|"
    r"arguments|events|challenges|benefits|risks|recommendations|complaints|entities|terms|decisions|action items|"
    r"problems|concerns|pain points|strengths|weaknesses|keywords|phrases|elements|examples|suggestions|improvements|"
    r"steps|bugs|errors|dates|names|requests|questions|requirements|skills|responsibilities|obligations|objections|"
    r"highlights|messages|factors|areas)"
)
_WHOLE = r"(?:sentiment|tone|impression|assessment|rating|evaluation|theme|mood|summary|feeling|opinion|verdict)"
_LEAD = (
    re.compile(r"(?:An?|The|a|an|the) (?:list of (?!all\b)(?:the )?)?(?=[a-z])"),
    re.compile(r"[Ll]ist of (?!all\b|each\b|any\b)(?:the )?(?=[a-z])"),
    re.compile(rf"[Oo]verall (?={_WHOLE}\b)"),
    re.compile(rf"(?:[Kk]ey|[Mm]ain|[Mm]ajor|[Ii]mportant) (?={_PLURALS}\b)"),
    re.compile(rf"[Ss]pecific (?={_PLURALS}\b)"),
    re.compile(r"(?:Các|Những|các|những) (?=[a-zà-ỹđ])"),
)
_SOURCE = (
    r"(?:review|text|article|document|email|message|transcript|conversation|customer|user|author|passage|report|ticket|"
    r"call|meeting)"
)
_TAIL = (
    re.compile(r",? if any$|,? \(if any\)$|,? if there are any$|,? \(nếu có\)$|,? nếu có$"),
    re.compile(
        r"(?<=s)(?: that (?:are|were))? (?:mentioned|discussed|identified|raised|described|made|found)"
        rf"(?: (?:in|by|from) (?:the|this) (?:customer |user )?{_SOURCE})?$"
    ),
    re.compile(
        r" được (?:đề cập|nhắc đến|nhắc tới|nêu|nói đến)(?: (?:đến|tới))?"
        r"(?: trong (?:văn bản|đánh giá|bài viết|tài liệu|email))?$"
    ),
    re.compile(r"(?<=\w) (?:tổng thể|tổng quát|cụ thể)(?= \(|$)"),
)
_SWAP = re.compile(
    r"(?P<head>[Ss]uggestions|[Rr]ecommendations|[Ii]deas|[Tt]ips|[Aa]reas|[Oo]pportunities|[Pp]roposals)"
    r" for (?P<of>[a-z]+(?:ment|ments|tion|tions|ing|th))$"
)
_FINITE = re.compile(
    r"\b(?:is|are|was|were|be|must|should|shall|has|have|had|will|would|can|could|may|might|does|do|did|than|who|it|you)\b",
    re.I,
)
_MOST_WORDS = 14


def short_item(item: str, others: Sequence[str]) -> str:
    """Return an item with its empty words gone; the item itself where none are.

    Args:
        item: the text behind the marker, without its line break.
        others: the other items of the list; what tells two of them apart stays.
    """
    if item.count(" ") >= _MOST_WORDS or item.endswith((".", "?", "!", ";")):
        return item
    short = item
    for pattern in _TAIL:
        short = pattern.sub("", short)
    if _FINITE.search(short):
        return item
    for pattern in _LEAD:
        if (match := pattern.match(short)) and not _needed(short[match.end() :], item, others):
            short = short[match.end() :]
    return _SWAP.sub(lambda match: f"{match['of']} {match['head'].lower()}", short)


def _needed(rest: str, item: str, others: Sequence[str]) -> bool:
    """Return whether another item speaks of the same thing, so that a modifier tells the two apart."""
    head = rest.split(" (")[0].split(":")[0].lower()
    return any(head in other.lower() for other in others if other != item)
