"""Patches that stand in a text without a fence; a program applies them, so every byte of them counts.

Unified diffs as GNU diffutils describes them (https://www.gnu.org/software/diffutils/manual/, section Detailed
Unified), blocks between conflict markers as git writes them, and what `*** Begin Patch` opens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmopt.prompts.segments.found import Found
from llmopt.prompts.segments.lines import line_end, next_line

_HUNK = re.compile(r"^@@ (?:-\d+(?:,(\d+))? \+\d+(?:,(\d+))?|\.\.\.) @@", re.MULTILINE)
_MANY = 10**9
"""Lines of a hunk that does not say how many it has, as models write them."""
_MARKERS = (
    ("<<<<<", re.compile(r"^<{5,9}(?: |$)", re.MULTILINE), re.compile(r"^>{5,9}(?: |$)", re.MULTILINE)),
    ("*** Begin", re.compile(r"^\*\*\* Begin Patch", re.MULTILINE), re.compile(r"^\*\*\* End Patch", re.MULTILINE)),
)


def patches(text: str) -> list[Found]:
    """Return hunks and conflict blocks, as whole lines but for the last line break; they count as fenced.

    Args:
        text: with fences masked.
    """
    found: list[Found] = []
    if "@@" in text:
        found += _hunks(text)
    for hint, opening, closing in _MARKERS:
        if hint in text:
            found += _marked(text, opening, closing)
    return found


def _hunks(text: str) -> Iterator[Found]:
    end = 0
    for head in _HUNK.finditer(text):
        if head.start() >= end:
            least = 1 if "-" in head[0] else _MANY
            old, new = (int(count[:9]) if count else least for count in head.groups())
            end = _hunk_end(text, head.end(), old, new)
            yield head.start(), end, "fence"


def _hunk_end(text: str, at: int, old: int, new: int) -> int:
    """Return where the lines of a hunk end: as many as it says, and further ones that look like them."""
    end = line_end(text, at)
    while (at := next_line(text, end)) < len(text):
        stop = line_end(text, at)
        told = old > 0 or new > 0
        if text[at] not in "+- \\\t\r\n" or not (told or text[at:stop].strip()):
            break
        old -= text[at] not in "+\\"
        new -= text[at] not in "-\\"
        end = stop
    return end


def _marked(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> Iterator[Found]:
    at = 0
    while (first := opening.search(text, at)) and (last := closing.search(text, first.end())):
        at = line_end(text, last.start())
        yield first.start(), at, "fence"
