"""Texts that compression leaves as they are, told at a glance: most questions are such, and a look at them takes long.

The gentle levels change blanks, JSON, and what stands in several lines (tables, logs, copies); the tests compare.
"""

from __future__ import annotations

from llmopt.prompts.context import Level

_MARKS = ("  ", "{", "[", "\t", "\r")
_LINES = (" \n", "\n\n\n")
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
    if text[:1].isspace() or text[-1:].isspace():
        return False
    if "\n" in text and (level == "safe" or _holds(text, _LINES)):
        return False
    return not _holds(text, _MARKS)


def _holds(text: str, marks: tuple[str, ...]) -> bool:
    for mark in marks:  # noqa: SIM110 - faster than a generator, for each text of each request
        if mark in text:
            return True
    return False
