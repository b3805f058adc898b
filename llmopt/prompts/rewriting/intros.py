"""Shorten what introduces: `Analyze the following review and provide:`, `Here is the article:`, `Customer review:`."""

from __future__ import annotations

import re
from collections.abc import Collection

from llmopt.prompts.rewriting.scope import names_material

_READ = r"read|review|examine|study|look at|consider|go through|take a look at"
_JUDGE = r"analy[sz]e|evaluate|assess"
_THINGS = r"(?:information|items|points|details|things|elements|aspects|data|questions)"
_FOLLOWING = rf"(?: the following(?: {_THINGS})?| these {_THINGS}| {_THINGS})?"
_ASKED = r"provide|give|list|include|return|identify|answer|determine|extract|output|produce|report|find"
_INTRO = re.compile(
    rf"(?P<verb>{_READ}|{_JUDGE}|summari[sz]e)(?: carefully| thoroughly)?"
    r" (?:the|this|these|each)(?: following| given| provided)? ?(?P<noun>[^,:;.{}\n]{1,60}?)(?: carefully)?"
    r"(?: below| provided below| given below| provided| given)?"
    rf"(?:,? and(?: then)? (?P<give>{_ASKED})(?: me)?(?: with)?{_FOLLOWING})?:$",
    re.I,
)
_GIVING = frozenset({"provide", "give", "include", "return", "output", "produce", "report"})
_THE_FOLLOWING = re.compile(
    r"(?P<verb>\b(?:provide|include|give|return|identify|extract|list|answer|determine|report|output|address|cover|"
    r"contain|includes|including|find)(?: me with| me| us| in your (?:answer|response|reply))?)"
    rf"(?: the following(?: {_THINGS})?| these {_THINGS}):$",
    re.I,
)
_KIND = r"customer|user|product|news|support|blog|research|short|long|raw|english|french|technical|legal|medical"
_THIS = re.compile(
    rf"\bthe following (?P<noun>(?:(?:{_KIND}) )?"
    r"(?:text|review|article|document|email|message|transcript|ticket|story|passage|conversation|report|complaint|"
    r"comment|question|essay|letter|post|tweet|paragraph|contract|resume|note|abstract|code|function|snippet|"
    r"code snippet|sentence|query|content|description|statement|dialogue|input|data|table|log))\b"
    r"(?! (?:is|are|was|were|will|must|should)\b)",
    re.I,
)
_TO_DO = r"(?: (?:that )?(?:you (?:need to|should|will|have to|must)|i (?:want|need|would like) you to|to) [a-z]+)?"
_HERE_IS = re.compile(
    r"(?:here(?: is|['\u2019]s| are)|below (?:is|are)|the following (?:is|are)|this is) (?:the|a|an|my|your)"
    rf" (?P<noun>[^\W\d_][^,:;.{{}}\n]{{1,40}}?){_TO_DO}(?: below)?:$",
    re.I,
)
_LABEL = re.compile(
    r"(?:the )?(?:following|given|provided|input|full|complete|entire|raw|"
    r"(?:customer|user|client)(?= (?:review|feedback|complaint|comment))) (?P<noun>[a-z]+):$",
    re.I,
)
_INTRO_VI = re.compile(
    r"(?P<verb>phân tích|xem xét|đánh giá|đọc|nghiên cứu)(?: kỹ| kĩ)? (?P<noun>[^,:;.{}\n]{2,60}?)"
    r"(?: sau đây| dưới đây| bên dưới| sau)?"
    r"(?: và(?: sau đó)? (?P<give>cung cấp|đưa ra|cho biết|liệt kê|trả về|nêu)"
    r"(?: (?:các |những )?(?:thông tin|nội dung|mục|ý) sau(?: đây)?)?)?:$",
    re.I,
)
_HERE_IS_VI = re.compile(r"(?:dưới đây là|sau đây là|đây là) (?P<noun>[^\W\d_][^,:;.{}\n]{1,40}):$", re.I)
_LABEL_VI = re.compile(
    r"(?P<noun>đánh giá|phản hồi|khiếu nại|bình luận|ý kiến) của khách hàng:$|"
    r"(?P<other>văn bản|đoạn văn|nội dung|dữ liệu) (?:đầu vào|đã cho|cho trước|được cung cấp):$",
    re.I,
)


def short_intro(sentence: str, labels: Collection[str]) -> str:
    """Return a sentence that introduces something, shorter where a label names what it is about; else as it was.

    Args:
        sentence: all of it, such as `Analyze the following review and provide:`.
        labels: the other labels of the text in lower case, without colons.
    """
    short = _with_label(sentence, labels)
    if short == sentence:
        short = _THE_FOLLOWING.sub(lambda match: f"{match['verb']}:", sentence)
    if (
        short == sentence
        and (match := _HERE_IS.match(sentence) or _HERE_IS_VI.match(sentence))
        and names_material(match["noun"])
    ):
        short = _capital(f"{match['noun']}:")
    return _THIS.sub(lambda match: _like(match[0], f"this {match['noun']}"), short)


def short_label(label: str, labels: Collection[str]) -> str:
    """Return a label line such as `Customer review:` without what says nothing, unless another label has the same name.

    Args:
        label: with its colon.
        labels: all labels of the text in lower case, without colons.
    """
    match = _LABEL.match(label) or _LABEL_VI.match(label)
    if match is None:
        return label
    noun = next(group for group in match.groupdict().values() if group)
    if not names_material(noun) or sum(noun.lower() in other for other in labels) > 1:
        return label
    return _capital(f"{noun}:") if label[0].isupper() else f"{noun}:"


def _with_label(sentence: str, labels: Collection[str]) -> str:
    if (match := _INTRO.match(sentence)) and names_material(match["noun"]):
        name = match["noun"].lower().split()[-1]
        if not any(label.split()[-1:] == [name] for label in labels):
            return sentence
        verb, give = match["verb"], match["give"]
        if give and (give.lower() not in _GIVING or re.fullmatch(_READ, verb, re.I)):
            verb = _like(verb, give.lower()) if re.fullmatch(_READ, verb, re.I) else f"{verb} and {give}"
        return f"{verb}:"
    if (match := _INTRO_VI.match(sentence)) and any(
        label and label in match["noun"].lower() for label in _vietnamese(labels)
    ):
        reads = match["give"] and match["verb"].lower() in ("đọc", "xem xét", "nghiên cứu")
        return f"{_like(match['verb'], match['give'].lower()) if reads else match['verb']}:"
    return sentence


def _vietnamese(labels: Collection[str]) -> list[str]:
    return [label for label in labels if names_material(label)]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _like(old: str, new: str) -> str:
    return _capital(new) if old[0].isupper() else new
