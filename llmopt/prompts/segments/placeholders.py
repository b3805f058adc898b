"""Placeholders without braces: `%s`, `$name`, `[NAME]`, `[[name]]`, `__NAME__`, `<%= erb %>`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmopt.prompts.segments.found import Found
from llmopt.prompts.segments.lines import paragraph_end

_PERCENT = re.compile(
    r"%\([\w.]{1,80}\)[-#0+ ]*+\d*+(?:\.\d+)?[diouxXeEfFgGcrsa]"
    r"|%[-#0+]*+(?:\d++\$)?\d*+(?:\.(?:\d++|\*))?(?:hh?|ll?)?[sdifgrxXeEucoa](?:(?<!\d%.)|(?![a-z]))"
)
_DOLLAR = re.compile(r"\$\$?[A-Za-z_]\w*+")
_SQUARE = re.compile(
    r"\[\[[^\[\]\r\n]{1,200}+\]\]"
    r"|\[/?(?!(?:INFO|WARN|WARNING|ERROR|DEBUG|TRACE|FATAL|CRITICAL|NOTICE|SEVERE)\])"
    r"[A-Z][A-Z0-9_ '\u2019/.:#-]{1,80}+\]"
    r"|\[(?i:your|insert|enter|add|fill in|put|placeholder|nhập|điền|chèn|tên)\b[^\[\]\r\n]{0,120}+\]"
)
_DUNDER = re.compile(r"__[A-Z][A-Z0-9]*+(?:_[A-Z0-9]++)*+__")
_COLON = re.compile(r"(?:(?<==)|(?<== )|(?<=\())(?<!::):[A-Za-z_]\w*+(?=[\s,);]|\Z)")


def placeholders(text: str) -> list[Found]:
    """Return the placeholders of a text but for those in braces and angles."""
    found: list[Found] = []
    for hint, pattern in (("%", _PERCENT), ("$", _DOLLAR), ("[", _SQUARE), ("__", _DUNDER), (":", _COLON)):
        if hint in text and (hint != ":" or "=:" in text or "= :" in text or "(:" in text):
            found += [(match.start(), match.end(), "placeholder") for match in pattern.finditer(text)]
    found += enclosed(text, "<%", "%>")
    return found


def enclosed(text: str, opening: str, closing: str) -> Iterator[Found]:
    """Yield what stands between two marks, marks included; what is not closed, up to the end of its paragraph."""
    start = text.find(opening)
    while start >= 0:
        end = text.find(closing, start + len(opening))
        if end < 0:
            yield start, paragraph_end(text, start), "broken"
            return
        end += len(closing)
        yield start, end, "placeholder" if opening == "<%" else "tag"
        start = text.find(opening, end)
