"""Show what the parser finds, in a form that tests compare."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmopt.prompts.segments.parse import parse


def spans(text: str, *kinds: str, keep: Sequence[str] = (), prefix: int = 0) -> list[str]:
    """Return the texts of the spans of some kinds, of all without any."""
    found = parse(text, keep=[re.compile(pattern) for pattern in keep], prefix=prefix)
    return [found.slice(span) for span in found.spans if not kinds or span.kind in kinds]


def kinds(text: str) -> list[tuple[str, str]]:
    """Return the kind and the text of every span."""
    found = parse(text)
    return [(span.kind, found.slice(span)) for span in found.spans]


def guarded(text: str) -> list[str]:
    """Return the texts of the spans that no pass may touch."""
    found = parse(text)
    return [found.slice(span) for span in found.spans if span.guarded]


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the kind and the text of every block that is not blank."""
    found = parse(text)
    return [(block.kind, found.slice(block)) for block in found.blocks if block.kind != "blank"]


def block_kinds(text: str) -> list[str]:
    """Return the kinds of the blocks that are not blank."""
    return [kind for kind, _ in blocks(text)]
