"""A diff for a terminal, drawn by rich: what went in red, what came in green, the words that differ set off."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from rich.console import Console
from rich.text import Text

from llmopt.report.compress_diff import Line

_STYLES = {"-": "red", "+": "green", "@": "cyan", "=": "bold", "\\": "dim", " ": ""}
_MARKED = {"-": "bold reverse red", "+": "bold reverse green"}
_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_MOST_WORDS = 600
"""Of a line, for its words to be compared."""


def render(lines: Iterable[Line], width: int, *, color: bool) -> str:
    """Return a diff with escape sequences only where `color`; long lines are left to the terminal to wrap."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=color, no_color=not color, width=max(width, 20), highlight=False)
    for text in _styled(list(lines)):
        console.print(text, soft_wrap=True)
    return screen.getvalue()


def _styled(lines: Sequence[Line]) -> Iterator[Text]:
    at = 0
    while at < len(lines):
        gone = _run(lines, at, "-")
        come = _run(lines, at + len(gone), "+")
        if not gone and not come:
            yield Text(lines[at].text, _STYLES[lines[at].sign])
            at += 1
            continue
        pairs = [_pair(old, new) for old, new in zip(gone, come, strict=False)]
        yield from (old for old, _ in pairs)
        yield from (Text(line.text, _STYLES["-"]) for line in gone[len(pairs) :])
        yield from (new for _, new in pairs)
        yield from (Text(line.text, _STYLES["+"]) for line in come[len(pairs) :])
        at += len(gone) + len(come)


def _run(lines: Sequence[Line], start: int, sign: str) -> list[Line]:
    end = start
    while end < len(lines) and lines[end].sign == sign:
        end += 1
    return list(lines[start:end])


def _pair(old: Line, new: Line) -> tuple[Text, Text]:
    """Return a line that went and the one that came for it, with the words that differ set off."""
    words, others = _WORD.findall(old.text[1:]), _WORD.findall(new.text[1:])
    texts = (Text(old.sign, _STYLES["-"]), Text(new.sign, _STYLES["+"]))
    if max(len(words), len(others)) > _MOST_WORDS:
        return texts[0].append(old.text[1:], _STYLES["-"]), texts[1].append(new.text[1:], _STYLES["+"])
    for tag, low, high, new_low, new_high in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        marked = tag != "equal"
        texts[0].append("".join(words[low:high]), _MARKED["-"] if marked else _STYLES["-"])
        texts[1].append("".join(others[new_low:new_high]), _MARKED["+"] if marked else _STYLES["+"])
    return texts
