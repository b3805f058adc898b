"""Texts that compression leaves as they are, told at a glance: most questions are such, and a look at them takes long.

The gentle levels change blanks, JSON, and what stands in several lines (tables, logs, copies); the tests compare.
"""

from __future__ import annotations

from llmopt.prompts.context import Level

_MARKS = ("  ", "{", "[", "\t", "\r", " \n", "\n\n\n")
_SHORTEST = 40
"""Characters of a text below which it is no use to look at its wording."""


def is_untouched(text: str, level: Level) -> bool:
    """Return whether a level surely leaves a text as it is; False: it may.

    Args:
        text: of a request.
        level: up to which it may be compressed.
    """
    if level == "aggressive":
        return len(text) < _SHORTEST
    if level == "safe" and "\n" in text:
        return False
    return not (any(mark in text for mark in _MARKS) or text[:1].isspace() or text[-1:].isspace())
