"""Where valid JSON stands in a text (RFC 8259), found in time linear in the text.

The scanner of the standard library says where a value ends or fails; what it has read once is not read from a later
start again: up to the place where it failed the text follows the grammar, so brackets alone say which inner values
are whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import msgspec

from llmopt.prompts.segments.found import Found

_SCAN: Callable[[str, int], tuple[object, int]] = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=str
).scan_once  # type: ignore[attr-defined]
_WINDOW = 2048
_CANDIDATE = re.compile(r"\{[ \t\r\n]*+\"|\[[ \t\r\n]*+[\"{\[\d\-tfn]")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\]]', re.DOTALL)
_LOOSE = re.compile(r'"(?:[^"\\\r\n]|\\.)*+"?|[{}\[\]]')
_WORTH = re.compile(r"\[\s*+[^\s,\]]++\s*+\]")


def whole_json(text: str) -> Found | None:
    """Return the span of a text that is one JSON object or array and nothing else but whitespace."""
    bare = text.strip(" \t\r\n")
    if len(bare) < 3 or bare[0] + bare[-1] not in ("{}", "[]") or not _valid(bare) or _plain(bare):
        return None
    start = text.index(bare[0])
    return start, start + len(bare), "json"


def json_spans(text: str) -> list[Found]:
    """Return every JSON object and array of a text that lies in no other; an array of one scalar is none."""
    return [
        (start, end, "json")
        for start, end in _values(text)
        if not _plain(text[start : min(end, start + 80)]) and not _subscript(text, start)
    ]


def _values(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while candidate := _CANDIDATE.search(text, at):
        start = candidate.start()
        try:
            end, whole = _scanned(text, start)
        except RecursionError:
            at = _balanced_end(text, start)
            continue
        if not whole:
            at = max(end, start + 1)
            yield from _whole_within(text, start + 1, at)
            continue
        if _valid(text[start:end]):
            yield start, end
        at = end


def _scanned(text: str, start: int) -> tuple[int, bool]:
    """Return where the value at an offset ends, or where it fails, and whether it ends.

    An error of the scanner counts the lines before it, so it sees only a window of the text, a wider one where the
    first one cuts the value.
    """
    width = _WINDOW
    while True:
        window = text[start : start + width]
        try:
            return start + _SCAN(window, 0)[1], True
        except StopIteration as failure:
            failed, cut = int(failure.value), False
        except json.JSONDecodeError as failure:
            failed, cut = failure.pos, failure.msg.startswith("Unterminated")
        if start + len(window) == len(text) or not (cut or failed > len(window) - 16):
            return start + failed, False
        width *= 8


def _whole_within(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the outermost values that close within a stretch that follows the grammar but does not close itself."""
    if text.find("}", start, end) < 0 and text.find("]", start, end) < 0:
        return
    opened: list[int] = []
    closed: list[tuple[int, int]] = []
    for token in _TOKEN.finditer(text, start, end):
        mark = token[0]
        if mark in "{[":
            opened.append(token.start())
        elif mark in "}]" and opened:
            first = opened.pop()
            while closed and closed[-1][0] > first:
                closed.pop()
            closed.append((first, token.end()))
    yield from ((first, last) for first, last in closed if _valid(text[first:last]))


def _balanced_end(text: str, start: int) -> int:
    """Return where brackets nested too deeply are balanced again, or the end of the text."""
    depth = 0
    for token in _LOOSE.finditer(text, start):
        depth += (token[0] in "{[") - (token[0] in "}]")
        if depth <= 0:
            return token.end()
    return len(text)


def _valid(value: str) -> bool:
    try:
        msgspec.json.decode(value, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False
    return True


def _plain(value: str) -> bool:
    """Return whether a value looks like a citation or a placeholder: `[1]`, `[true]`, `{}`, `[]`."""
    inner = value[1:-1].strip(" \t\r\n")
    return not inner or (
        value[0] == "[" and inner[0] not in '"[{' and "," not in inner and bool(_WORTH.fullmatch(value))
    )


def _subscript(text: str, start: int) -> bool:
    """Return whether a bracket indexes what precedes it, as in `row["name"]`."""
    before = text[start - 1 : start]
    return text[start] == "[" and (before.isalnum() or before in tuple("_)]")) if before else False
