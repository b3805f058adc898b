"""Material on the line of its label: what to translate, a turn of a dialogue, a comment in code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmopt.prompts.rewriting.openers import commands

_SAID = re.compile(
    r"(?:^|(?<=[.!?])[ \t])[ \t]*(?:(?:[-*+\u2022>]|\(?\d{1,3}[.)])[ \t]+)?"
    r"(?P<label>[^\W\d_][^\n:{}.!?*`<\"]{0,60}):[ \t]+(?=[^\s{*])",
    re.M,
)
"""Something said behind a label on its line: a turn of a dialogue, or what to translate."""
_COMMENT = re.compile(r"^[ \t]*(?://|/\*|\*/|<!--).*|/\*.*?\*/", re.M)
_DOES = re.compile(r"(?:do|follow|observe|remember|note|consider|keep|apply|include|provide|give|return|obey)\b", re.I)
_TELL = """
warning warnings tip tips hint hints length language audience first second finally lastly step reminder remember purpose
caution attention context scenario question p.s. ps notes info fyi please
"""
_TELLING = frozenset(_TELL.split())
_NO_LABELS = frozenset(("answer", "response", "output", "input", "example"))
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def said(text: str, instructing: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Yield what stands behind `Translate into French:` or, on its line, behind a speaker's name; and comments.

    Args:
        text: any text.
        instructing: names of labels behind which instructions stand.
    """
    for match in _SAID.finditer(text):
        label, start = match["label"], match.end("label") + 1
        if commands(label, 0):
            if not _DOES.match(label):
                end = text.find("\n\n", start)
                yield start, len(text) if end < 0 else end
        elif label.count(" ") < 3 and (label.lower() in _NO_LABELS or not ends_in(label, instructing | _TELLING)):
            end = text.find("\n", start)
            yield start, len(text) if end < 0 else end
    if "//" in text or "/*" in text or "<!--" in text:
        yield from (match.span() for match in _COMMENT.finditer(text))


def ends_in(label: str, known: frozenset[str]) -> bool:
    """Return whether a label ends in (in Vietnamese begins with) one of the known names."""
    words = _WORD.findall(label.lower())
    tails = {" ".join(words[-count:]) for count in (1, 2, 3)}
    heads = {" ".join(words[:count]) for count in (1, 2, 3) if not label.isascii()}
    return not known.isdisjoint(tails | heads)
