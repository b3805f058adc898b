"""Material on the line of its label: what to translate, a turn of a dialogue, a comment in code, a quoted line."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SAID = re.compile(
    r"(?:^|(?<=[.!?])[ \t])[ \t]*(?:(?:[-*+\u2022>]|\(?\d{1,3}[.)])[ \t]+)?"
    r"(?P<label>[^\W\d_][^\n:{}.!?*`<\"]{0,60}):[ \t]+(?=[^\s{*])",
    re.M,
)
"""Something said behind a label on its line: a turn of a dialogue, or what to translate."""
_COMMENT = re.compile(r"^[ \t]*(?://|>|/\*|\*/|<!--).*|/\*[^*\n]{0,300}\*/", re.M)
_WORKS_ON = re.compile(
    r"\b(?:translat|rewrit|rephras|paraphras|correct|proofread|classif|categori[sz]|explain|summari[sz]|identif|improv|fix|"
    r"edit|check|say|tell|answer|reply|respond|analy[sz]|review|write|shorten|simplif|convert|decod|transcri|complet|continu|"
    r"dịch|viết|sửa|phân loại|giải thích|tóm tắt|trả lời|nói|phân tích|kiểm tra|chuyển)",
    re.I,
)
"""What is done to a text that stands behind the colon."""
_LISTS = re.compile(
    r"\b(?:headings|categories|columns|labels|keys|fields|sections|classes|options|values|criteria|formats|languages|groups|"
    r"points|topics|rules|steps|aspects|requirements|parts|guidelines|information|thông tin sau|cột|nhóm|mục|nhãn)$",
    re.I,
)
"""How a label ends that lists what the model is to give."""
_TELL = """
warning warnings tip tips hint hints length language audience first second finally lastly step reminder remember purpose
caution attention context scenario question p.s. ps notes info fyi please
"""
_TELLING = frozenset(_TELL.split())
_NO_LABELS = frozenset(("answer", "response", "output", "input", "example"))
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def said(text: str, instructing: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Yield what stands behind `Translate into French:` or, on its line, behind a speaker's name.

    Comments and lines behind `>` too.

    Args:
        text: any text.
        instructing: names of labels behind which instructions stand.
    """
    done = 0
    for match in _SAID.finditer(text):
        label, start = match["label"], match.end("label") + 1
        if start < done:
            continue
        short = label.count(" ") < 3
        if short and label.lower() not in _NO_LABELS and ends_in(label.rstrip(" 0123456789"), instructing | _TELLING):
            continue
        if _WORKS_ON.search(label):
            if not _LISTS.search(label):
                end = text.find("\n\n", start)
                done = len(text) if end < 0 else end
                yield start, done
        elif short:
            end = text.find("\n", start)
            yield start, len(text) if end < 0 else end
    if any(mark in text for mark in ("//", "/*", "<!--", ">")):
        yield from (match.span() for match in _COMMENT.finditer(text))


def ends_in(label: str, known: frozenset[str]) -> bool:
    """Return whether a label ends in (in Vietnamese begins with) one of the known names."""
    words = _WORD.findall(label.lower())
    tails = {" ".join(words[-count:]) for count in (1, 2, 3)}
    heads = {" ".join(words[:count]) for count in (1, 2, 3) if not label.isascii()}
    return not known.isdisjoint(tails | heads)
