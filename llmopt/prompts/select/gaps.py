"""The edits that leave something out, with a sign in its place."""

from __future__ import annotations

import re

from llmopt.prompts.edits import Edit
from llmopt.prompts.select.unit import Unit

MARKER = "…"
"""Stands where something was left out; one token in the public vocabularies."""
RULE = "query"
QUOTED = f'"{MARKER}"'
"""The same within JSON."""
_MEMBER = f"{QUOTED}:{QUOTED}"
_BREAK = re.compile(r"\s*\n\s*")
_BLANKS = re.compile(r"[^\S\n\r]+")


def gap(text: str, start: int, end: int, *, markers: bool, sign: str = MARKER) -> list[Edit]:
    """Return the edit of what is left out between two offsets; white space at its sides stays.

    Args:
        text: any text.
        start: where what is left out begins, white space included.
        end: where it ends.
        markers: leave a sign.
        sign: to leave.
    """
    lost = text[start:end]
    bare = lost.strip()
    if not bare or (markers and len(bare) <= len(sign)):
        return []  # a sign would be no shorter
    left = lost[: len(lost) - len(lost.lstrip())]
    right = lost[len(left) + len(bare) :]
    sign = sign if markers else ""
    if start and end < len(text) and "\n" in bare and "\n" not in left + right:
        found = _BREAK.search(bare)
        left = right = found.group() if found else "\n"
        around = f"{left}{sign}{right}" if sign else left
        if len(around) < len(lost):
            return [Edit(start, end, around, RULE)]
    if sign:
        first = start if not start and _BLANKS.fullmatch(left) else start + len(left)
        last = end if end == len(text) and _BLANKS.fullmatch(right) else end - len(right)
        return [Edit(first, last, sign, RULE)]
    if not start:
        return [Edit(0, end, "", RULE)]
    longer = left if left.count("\n") > right.count("\n") or end == len(text) else right
    return [Edit(start, end, right if end == len(text) else longer, RULE)]


def json_gap(text: str, start: int, end: int, lost: Unit, *, markers: bool) -> list[Edit]:
    """Return the edit of elements that are left out of a JSON value, such that what is left is valid.

    Args:
        text: any text.
        start: where the unit before ends.
        end: where the next unit that is kept begins.
        lost: the first unit that is left out.
        markers: leave a sign; a comma that nothing follows asks for one in any case.
    """
    bare = text[start:end].strip()
    last = not bare.endswith(",")
    sign = (_MEMBER if lost.within == "{" else QUOTED) + ("" if last else ",")
    left = start + len(text[start:end]) - len(text[start:end].lstrip())
    if not (markers or (last and text[start - 1] == ",")):
        return [Edit(left, left + len(bare), "", RULE)]
    return [Edit(left, left + len(bare), sign, RULE)] if len(sign) < len(bare) else []
