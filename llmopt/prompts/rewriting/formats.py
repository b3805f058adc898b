"""Say the form that an answer must have in the fewest words: `Structured, headings`."""

from __future__ import annotations

import re
from typing import Final

_ANSWER = r"(?:answer|response|reply|output)s?"
_RESULT = (
    r"(?:answers?|responses?|reply|output|analysis|results?|findings|feedback|evaluation|report|assessment|summary)"
)
_QUALITY = (
    r"(?:structured|clear|concise|organi[sz]ed|well-organi[sz]ed|well-structured|well-formatted|readable|easy-to-read|"
    r"professional|detailed|logical|consistent|formal|brief|friendly|simple|polite|neutral|objective|accurate|coherent|"
    r"comprehensive|thorough|succinct|short)"
)
_QUALITIES = rf"(?:(?:very |highly |clearly )?{_QUALITY}(?:, and |, | and )?)+"
_PARTS = r"(?:headings|subheadings|headers|sections|bullet points|bullets|numbered lists|numbered points|paragraphs)"
_EMPTY = r"(?:(?:clear|clearly|descriptive|appropriate|proper|separate|distinct|labell?ed|suitable|relevant|and) )*"
_WITH = (
    rf"(?:,? (?:and )?(?:with|using|that has|that includes|including) {_EMPTY}"
    rf"(?P<parts>{_PARTS}(?:,? and {_EMPTY}{_PARTS})?)(?: for (?:each|every) (?:of the )?(?:section|part)s?)?)?"
)
_WHOLE = r"(?: (?:final|full|complete))?"
_GIVE = (
    r"(?:provide|present|give|return|write|deliver|format|structure|organi[sz]e|output|report|share|submit|lay out)"
    r"(?: me)?(?: with)?"
)
_LAYOUT = r"(?:format|manner|way|form|fashion|style|structure|layout)"
_STRUCTURED: Final = re.compile(
    rf"{_GIVE} (?:your|the){_WHOLE} {_RESULT} in an? (?P<how>{_QUALITIES}) ?{_LAYOUT}{_WITH}[.!]?$", re.I
)
_SHOULD_BE: Final = re.compile(rf"(?:your|the){_WHOLE} {_RESULT} should be (?P<how>{_QUALITIES}){_WITH}[.!]?$", re.I)
_IN: Final = re.compile(
    r"(?:provide|present|give|return|write|deliver|format|output|share|submit)(?: me)?(?: with)?"
    rf" your{_WHOLE} {_ANSWER} (?P<how>in|as|using) (?!order|addition|case)",
    re.I,
)
_SHOULD_BE_IN: Final = re.compile(
    rf"your{_WHOLE} {_ANSWER} should be"
    r"(?: (?:formatted|provided|presented|written|returned|given|structured|delivered))?"
    r" (?P<how>in|as) (?!order|addition|case|the same)",
    re.I,
)
_VIETNAMESE: Final = re.compile(
    r"(?:cung cấp|trình bày|đưa ra|viết|trả lời|trả về)"
    r"(?: (?:(?:những |các |bài |bản )?phân tích|câu trả lời|kết quả|phản hồi))?(?: của bạn)?"
    r" (?:theo|dưới|ở|trong|một cách)?(?: một)? ?(?:định dạng|dạng|hình thức)? ?(?P<how>có cấu trúc)(?: rõ ràng)?"
    r"(?:,? (?:với|có|và có|cùng) (?:các |những )?(?P<parts>tiêu đề|gạch đầu dòng|đề mục)(?: rõ ràng)?"
    r"(?: cho (?:từng|mỗi) (?:phần|mục))?)?[.!]?$",
    re.I,
)


def short_format(sentence: str, *, last: bool) -> tuple[int, str] | None:
    """Return how many characters at the beginning of a sentence to replace and by what, or None.

    Args:
        sentence: all of it, with its full stop.
        last: whether nothing follows on its line, so that it needs no full stop.
    """
    for pattern in (_STRUCTURED, _SHOULD_BE, _VIETNAMESE):
        if match := pattern.match(sentence):
            return len(sentence), _listed(match["how"], match["parts"], "" if last else ".")
    for pattern in (_IN, _SHOULD_BE_IN):
        if match := pattern.match(sentence):
            word = "Answer" if sentence[0].isupper() else "answer"
            return match.end(), f"{word} {match['how']} "
    return None


def _listed(qualities: str, parts: str | None, stop: str) -> str:
    words = re.sub(r",? and |, ", "|", qualities.strip(" ,")).split("|")
    if parts:
        words += [re.sub(rf"^{_EMPTY}", "", part) for part in re.split(r",? and ", parts)]
    text = ", ".join(word.strip() for word in words if word.strip())
    return text[:1].upper() + text[1:].lower() + stop
