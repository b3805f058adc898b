"""Regions that the user wants kept: `<keep>` elements, matches of patterns, and the beginning that is cached."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmopt.prompts.segments.found import Found

_KEEP = re.compile(r"<(/?)keep(?=[\s/>])[^<>]*>", re.IGNORECASE)
_KEEP_HINT = re.compile(r"<keep", re.IGNORECASE)


def kept_regions(text: str, keep: Sequence[re.Pattern[str]] = (), prefix: int = 0) -> list[Found]:
    """Return what the user wants kept.

    Args:
        text: any text.
        keep: patterns; what they match is pinned.
        prefix: number of characters at the beginning.
    """
    found: list[Found] = [(0, min(prefix, len(text)), "prefix")] if prefix > 0 and text else []
    for pattern in keep:
        found += [
            (match.start(), match.end(), "pinned") for match in pattern.finditer(text) if match.end() > match.start()
        ]
    if _KEEP_HINT.search(text):
        found += _keep_elements(text)
    return found


def _keep_elements(text: str) -> list[Found]:
    found: list[Found] = []
    depth = start = 0
    for tag in _KEEP.finditer(text):
        if not tag[1]:
            start = start if depth else tag.start()
            depth += not tag[0].endswith("/>")
        elif depth:
            depth -= 1
            if not depth:
                found.append((start, tag.end(), "keep"))
    if depth:
        found.append((start, len(text), "keep"))
    return found
