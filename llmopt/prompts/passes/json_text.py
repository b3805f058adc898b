"""Write JSON in its shortest form with the same values.

Minified JSON keeps every token as it is written, duplicate keys and 1.0 included; only escaped letters become letters,
which are the same values. TOON and CSV are written only where the user asks for them, the JSON has its lines for itself
(both need a fence around them, which also keeps a later run from touching them), reading gives back exactly the same
values, and the tokens are fewer.
"""

from __future__ import annotations

import re

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit
from llmopt.prompts.forms.escapes import unescaped
from llmopt.prompts.forms.json_values import minified
from llmopt.prompts.forms.smallest import other_form
from llmopt.prompts.spans import Segments, Span

_SHARE = 0.1
"""Share of the characters that must go for the tokens to be fewer without counting, where most lines are indented."""
_COUNTED = 4096
"""Characters up to which tokens are always counted: of a few empty brackets, fewer characters may be more tokens."""
_LINE_END = re.compile(r"[ \t]*+(?:\r?\n|\Z)")
_DEEPEST = 3
"""Blanks before a fence; with more, markdown takes it for indented code."""


def json_text(segments: Segments, context: Context) -> list[Edit]:
    """Write JSON in its shortest form with the same values."""
    edits = (_edit(segments, span, context) for span in segments.of_kind("json") if not span.guarded)
    return [edit for edit in edits if edit]


def _edit(segments: Segments, span: Span, context: Context) -> Edit | None:
    text = segments.slice(span)
    short = minified(text)
    if short is None:
        return None
    if context.json_form != "minified" and len(short) > 2:
        start = _own_lines(segments, span)
        other = other_form(text, short, context, _newline(segments.text)) if start >= 0 else None
        if other and len(other[0]) < span.end - start:
            return Edit(start, span.end, other[0], f"json-{other[1]}")
    written = unescaped(short)
    found = [(written, "json-unescape")] if written != short else []
    for shortest, rule in [*found, (short, "json-minify")]:
        if len(shortest) < len(text) and _is_cheaper(shortest, text, context):
            return Edit(span.start, span.end, shortest, rule)
    return None


def _is_cheaper(short: str, text: str, context: Context) -> bool:
    if len(text) > _COUNTED and len(text) - len(short) >= _SHARE * len(text):
        indented = text.count("\n ") + text.count("\n\t")
        if 2 * indented >= text.count("\n") > 0:
            return True
    return context.tokens(short) <= context.tokens(text)


def _newline(text: str) -> str:
    """Return what ends the first line."""
    end = text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def _own_lines(segments: Segments, span: Span) -> int:
    """Return where the line of JSON begins that shares its lines with nothing else, -1 if it shares them."""
    text, start = segments.text, span.start
    while start and text[start - 1] == " " and span.start - start < _DEEPEST:
        start -= 1
    if (start and text[start - 1] != "\n") or not _LINE_END.match(text, span.end):
        return -1
    return -1 if start < span.start and segments.touches_guarded(start, span.start) else start
