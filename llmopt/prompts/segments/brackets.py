"""Braces that hold no JSON: placeholders, templates, and JSON-like text that does not parse; all of it is guarded.

Also brackets that look like the start of JSON. What is balanced is guarded from its opening to its close, what is not
up to the end of its paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from llmopt.prompts.segments.found import Found
from llmopt.prompts.segments.lines import paragraph_end
from llmopt.prompts.spans import SpanKind

_TOKEN = re.compile(
    r'"(?:[^"\\\r\n]|\\.)*+"?'
    r"|'(?<=[{\[,:(\s=]')(?:[^'\\\r\n]|\\.){0,200}+'(?=[ \t]*+[\],:})])"
    r"|\{|\}|\[|\]"
)
_BRACKET = re.compile(r"[{}\[\]]")
_PAIR = re.compile(r"\{[^{}]*+(?:\{[^{}]*+(?:\{[^{}]*+\}[^{}]*+)*+\}[^{}]*+)*+\}")
_JSON_LIKE = re.compile(r"\[\s*+(?:[\"{\[]|'[^'\r\n]{0,200}'\s*+[,\]]|-?\d[\d.eE+-]*+\s*+,)")
_SIGIL = "$%#@"
_PLACEHOLDER = re.compile(
    r"[$%#@]?\{(?![ \t]*+[\"'])"
    r"(?:[^{}\r\n]{0,200}+(?:\{[^{}\r\n]{0,100}+\}[^{}\r\n]{0,100}+){0,4}+"
    r"|\{[^{}]{0,400}\}|\{\{[^{}]{0,400}\}\}|%[^{}]*%|#[^{}]*#)\}",
    re.DOTALL,
)


def braces(masked: str, text: str) -> list[Found]:
    """Return the parts of a text in braces, and in brackets that look like JSON.

    Args:
        masked: the text with fences and valid JSON masked.
        text: the text itself.
    """
    if "{" not in masked and "}" not in masked and not _JSON_LIKE.search(text):
        return []
    found: list[Found] = []
    stack = _Stack()
    for at, mark in _brackets(masked, stack):
        if mark == "{" or (mark == "[" and (stack.opened or _JSON_LIKE.match(text, at))):
            stack.push(at, mark)
        elif mark == "}":
            found.append(_closed_brace(text, stack.pop_brace(), at))
        elif mark == "]" and _JSON_LIKE.match(text, start := stack.pop_bracket(at)):
            found.append((start, at + 1, "broken"))
    found += _unbalanced(text, stack.opened)
    return found


@dataclass(slots=True)
class _Stack:
    """The brackets that are open."""

    opened: list[int] = field(default_factory=list)
    """Where each is."""
    braces: list[int] = field(default_factory=list)
    """Which of them are braces, by their place in `opened`."""

    def push(self, at: int, mark: str) -> None:
        if mark == "{":
            self.braces.append(len(self.opened))
        self.opened.append(at)

    def pop_brace(self) -> int | None:
        """Close the last brace and what is open within it; return where it is, None without one."""
        if not self.braces:
            return None
        place = self.braces.pop()
        start = self.opened[place]
        del self.opened[place:]
        return start

    def pop_bracket(self, at: int) -> int:
        """Close the last square bracket if no brace is open within it; return where it is, else where nothing is."""
        if self.opened and not (self.braces and self.braces[-1] == len(self.opened) - 1):
            return self.opened.pop()
        return at


def _brackets(text: str, stack: _Stack) -> Iterator[tuple[int, str]]:
    """Yield the brackets of a text; a quoted one counts only outside all others, and with its pair in the quotes."""
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if len(mark) == 1 and mark != '"':
            yield token.start(), mark
        elif mark[0] == '"' and (len(mark) == 1 or mark[-1] != '"'):  # no string: nothing closes it on its line
            for bracket in _BRACKET.finditer(text, token.start(), token.end()):
                yield bracket.start(), bracket[0]
        elif not stack.opened and "{" in mark:
            for pair in _PAIR.finditer(text, token.start(), token.end()):
                yield pair.start(), "{"
                yield pair.end() - 1, "}"


def _closed_brace(text: str, start: int | None, at: int) -> Found:
    if start is None:
        return at, at + 1, "broken"
    if start and text[start - 1] in _SIGIL:
        start -= 1
    return start, at + 1, _kind(text, start, at + 1)


def _unbalanced(text: str, opened: list[int]) -> Iterator[Found]:
    reach = 0
    for start in opened:
        if start >= reach and (text[start] == "{" or _JSON_LIKE.match(text, start)):
            reach = paragraph_end(text, start)
            yield start, reach, "broken"


def _kind(text: str, start: int, end: int) -> SpanKind:
    return "placeholder" if end - start < 500 and _PLACEHOLDER.fullmatch(text, start, end) else "broken"
