"""XML and HTML tags, comments and sections, and placeholders in angles; each tag is a part of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmopt.prompts.segments.found import Found
from llmopt.prompts.segments.lines import paragraph_end
from llmopt.prompts.segments.placeholders import enclosed

_GAP = r"(?:[ \t]++|(?>\r\n|\n|\r)(?![ \t]*+[\r\n]))"
_TAG = re.compile(
    r"<(?:/?[A-Za-z_][\w:.-]*+"  # over several lines, none of them blank: only what follows the grammar of attributes
    rf"(?:{_GAP}++[\w:@#*.-]++(?:{_GAP}*+={_GAP}*+(?:\"[^\"]{{0,2000}}+\"|'[^']{{0,2000}}+'|[^\s\"'=<>`]++))?+)*+"
    rf"{_GAP}*+/?>"
    r"|<{0,3}+[/?!]?(?:[^\W\d])[^<>\r\n]{0,300}+>{1,4}+"  # on one line: anything
    r"|\|[^|<>\r\n]{1,80}+\|>)"
)
_CUT = re.compile(r"</?[A-Za-z_][\w:.-]*+\s++[\w:@.-]++\s*+=\s*+[\"']")
_NAME = re.compile(r"<[A-Z][A-Z0-9_ -]*>|<[^\W\d]\w*(?:[ _]\w+)+>")
_ATTRIBUTE = re.compile(r"[=/|!?:]")


def tags(text: str) -> list[Found]:
    """Return the tags of a text, and from a tag that is cut up to the end of its paragraph."""
    if "<" not in text:
        return []
    found: list[Found] = []
    for opening, closing in (("<!--", "-->"), ("<![CDATA[", "]]>")):
        found += enclosed(text, opening, closing)
    for tag in _TAG.finditer(text):
        name = _NAME.fullmatch(tag[0]) and not _ATTRIBUTE.search(tag[0])
        found.append((tag.start(), tag.end(), "placeholder" if name else "tag"))
    found += _cut_tags(text, found)
    return found


def _cut_tags(text: str, found: list[Found]) -> Iterator[Found]:
    starts = {start for start, _, _ in found}
    reach = 0
    for cut in _CUT.finditer(text):
        if cut.start() >= reach and cut.start() not in starts:
            reach = paragraph_end(text, cut.start())
            yield cut.start(), reach, "broken"
