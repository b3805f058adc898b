"""Parse a text into blocks and spans.

First what may hold anything (fences, kept regions, valid JSON), then on the rest, with these masked, everything else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmopt.prompts.segments.blocks import blocks_of
from llmopt.prompts.segments.brackets import braces
from llmopt.prompts.segments.fences import fences
from llmopt.prompts.segments.found import Found, masked, merged
from llmopt.prompts.segments.inline_code import inline_code
from llmopt.prompts.segments.json_spans import json_spans, whole_json
from llmopt.prompts.segments.links import links
from llmopt.prompts.segments.logs import loosened
from llmopt.prompts.segments.patches import patches
from llmopt.prompts.segments.placeholders import placeholders
from llmopt.prompts.segments.quotes import quotes
from llmopt.prompts.segments.regions import kept_regions
from llmopt.prompts.segments.tags import tags
from llmopt.prompts.spans import Segments


def parse(text: str, *, keep: Sequence[re.Pattern[str]] = (), prefix: int = 0) -> Segments:
    """Return the blocks and spans of a text.

    Args:
        text: any text.
        keep: patterns whose matches are guarded.
        prefix: number of characters at the beginning that are guarded.
    """
    regions = kept_regions(text, keep, prefix)
    whole = whole_json(text)
    found = [whole] if whole else _found(text, regions)
    spans = merged(found + regions)
    blocks = blocks_of(text, spans)
    if (loose := loosened(text, found, blocks)) is not None:
        spans = merged(loose + regions)
        blocks = blocks_of(text, spans)
    return Segments(text, blocks, tuple(spans))


def _found(text: str, regions: list[Found]) -> list[Found]:
    code, perhaps = fences(text)
    code += patches(masked(text, code + perhaps))
    outer = code + [region for region in regions if region[2] == "keep"]
    rest = masked(text, outer)
    values = json_spans(rest) if "[" in rest or "{" in rest else []
    rest = masked(rest, values)
    inline = inline_code(rest)
    found = code + perhaps + values + inline
    rest = masked(rest, inline)
    found += braces(rest, text)
    for finder in (placeholders, tags, links):
        found += finder(rest)
    return found + quotes(masked(rest, [item for item in found if item[2] == "placeholder"]))
