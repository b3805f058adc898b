"""Where the head of a log line ends: what its logger writes before each message, such as time, level and place.

Heads and messages combine freely, so that each has templates of its own. Nothing is known of any logger: lines that
begin alike are of one format, and the cut is put where the templates of heads and messages together save most.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from llmopt.prompts.logs.atoms import varies
from llmopt.prompts.logs.groups import Line
from llmopt.prompts.logs.templates import OPEN_TOKENS, TEMPLATE_TOKENS, tokens

_LONGEST_HEAD = 14
_SAMPLE = 400
"""Lines of a format that are looked at."""
_DIGITS = re.compile(r"\d+")
_LETTERS = re.compile(r"[^\W\d_]+")

_Key = tuple[tuple[str, ...], tuple[str | None, ...]]


def cut(lines: Iterable[Line]) -> tuple[list[Line], list[Line]]:
    """Return the heads and the messages of lines, without the blank between them; a line without head is a message."""
    formats: dict[object, list[Line]] = defaultdict(list)
    for line in lines:
        formats[_format(line)].append(line)
    heads: list[Line] = []
    messages: list[Line] = []
    for rows in formats.values():
        size = _best_size(rows[:: len(rows) // _SAMPLE + 1])
        for line in rows:
            if size and _can_cut(line, size):
                gaps = (*line.gaps[:size], line.gaps[size][:-1])
                heads.append(Line(line.number, gaps, line.atoms[:size]))
                messages.append(Line(line.number, ("", *line.gaps[size + 1 :]), line.atoms[size:]))
            else:
                messages.append(line)
    return heads, messages


def _format(line: Line) -> object:
    shapes = tuple(_DIGITS.sub("0", _LETTERS.sub("a", atom)) for atom in line.atoms[:2])
    return line.gaps[:3], shapes


def _can_cut(line: Line, size: int) -> bool:
    return size < len(line.atoms) and line.gaps[size].endswith(" ")


def _best_size(lines: Sequence[Line]) -> int:
    """Return the number of atoms in the head for which templates save most."""
    common = [_common(lines, position) for position in range(_LONGEST_HEAD)]
    masked = [
        tuple(
            atom if (position < _LONGEST_HEAD and atom == common[position]) or not varies(atom) else None
            for position, atom in enumerate(line.atoms)
        )
        for line in lines
    ]
    sizes = range(_LONGEST_HEAD + 1)
    return max(sizes, key=lambda size: (_saved(lines, masked, size), size))


def _common(lines: Sequence[Line], position: int) -> str | None:
    """Return the atom that all lines have at a position, if it is one."""
    atoms = {line.atoms[position] for line in lines if len(line.atoms) > position}
    return atoms.pop() if len(atoms) == 1 else None


def _saved(lines: Sequence[Line], masked: Sequence[tuple[str | None, ...]], size: int) -> int:
    """Return the tokens that templates would save if heads had this many atoms."""
    heads: dict[_Key, list[_Key]] = defaultdict(list)
    counts: dict[_Key, int] = defaultdict(int)
    for line, words in zip(lines, masked, strict=True):
        if size and _can_cut(line, size):
            message = ("", *line.gaps[size + 1 :]), words[size:]
            heads[line.gaps[: size + 1], words[:size]].append(message)
        else:
            message = line.gaps, words
        counts[message] += 1
    worth = {message: _worth(message, count) for message, count in counts.items()}
    saved = sum(each * counts[message] - once for message, (each, once) in worth.items())
    for head, messages in heads.items():
        each, once = _template(head)
        if each * len(messages) - once + sum(worth[message][0] for message in messages) > 0:
            saved += each * len(messages) - once
        else:  # a message has no template where its head has none
            saved -= sum(worth[message][0] for message in messages)
    return saved


def _worth(key: _Key, count: int) -> tuple[int, int]:
    """Return what a template saves each time and costs once; nothing of both where it does not pay."""
    each, once = _template(key) if count > 1 else (0, 0)
    return (each, once) if each * count > once else (0, 0)


def _template(key: _Key) -> tuple[int, int]:
    """Return how many tokens a template saves in each line, and how many it has."""
    gaps, words = key
    places = words.count(None)
    fixed = tokens(" ".join([*filter(None, words), *gaps]))
    return fixed - 1 - places, fixed + OPEN_TOKENS * places + TEMPLATE_TOKENS
