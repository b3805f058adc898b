"""Write lines by templates, and read them back.

```log
"Ab x y": A and b with x, y for each <*>; "A x text": A and text
A=2024-03-01 <*> INFO
b=Job <*> done
Ab 12:00:00 17
2024-03-01 12:00:01 ERROR Job 18 lost
Ab 12:00:02 19
A 12:00:03 Cache is warm
```

The first line tells a reader who has never seen this how to read the rest. Templates come next, then the lines in their
order: those that begin with labels by their templates (of head and message, with a blank between), all others as they
were. Values are cut at blanks, quoted ones at their quotes. `(x3)` behind a line stands for three such lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, product
from string import ascii_lowercase, ascii_uppercase

from llmopt.prompts.logs.groups import OPEN, Group, Line

_HOW = '"{label} x y": {parts} with x, y for each <*>'
_HOW_TEXT = '; "{label} x text": {label} and text'
_HOW_HEADS = '"{label} x y text": {label} with x, y for each <*>, and text'
_HOW_REPEATED = "; (x3): 3 times"
_VALUE = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|'[^']*+'(?!\S)|\S++")
_LABEL = re.compile(r"([A-Z]{0,2})([a-z]{0,2})(?= |\Z)")
_TEMPLATE = re.compile(r"([A-Z]{1,2}|[a-z]{1,2})=(.*)", re.DOTALL)
_REPEATED = re.compile(r" \(x(\d+)\)\Z")
_FENCE = re.compile(r"`{3,}")
_Pieces = Sequence[str]
"""The fixed text of a template, one more than it has open places."""


def written(lines: Sequence[str], heads: Sequence[Group], messages: Sequence[Group]) -> list[str] | None:
    """Return the lines of the shorter log with its fences, or None where it cannot be read back.

    Args:
        lines: of the log, without their line breaks.
        heads: groups of heads that have a template.
        messages: groups of messages that have one; a message that follows no head is a whole line.
    """
    places = _places(lines, heads, messages)
    firsts = [match for n, line in enumerate(lines) if n not in places and (match := _LABEL.match(line))]
    used = {id(group): group for found in places.values() for group in found[:2] if group}
    labels = {
        **_labels((g for g in heads if id(g) in used), ascii_uppercase, {match[1] for match in firsts}),
        **_labels((g for g in messages if id(g) in used), ascii_lowercase, {m[2] for m in firsts if not m[1]}),
    }
    short = {
        number: labels.get(id(head), "") + labels.get(id(message), "") + values
        for number, (head, message, values) in places.items()
        if all(group is None or id(group) in labels for group in (head, message))
    }
    body = _body(lines, short)
    templates = [f"{label}={OPEN.join(used[key].pieces())}" for key, label in labels.items()]
    inside = [_how(short, body), *templates, *body]
    fence = "`" * max((len(run) + 1 for line in inside for run in _FENCE.findall(line)), default=3)
    return [fence + "log", *inside, fence] if short and expanded(inside) == list(lines) else None


def expanded(lines: Sequence[str]) -> list[str]:
    """Return the lines of a log that `written` made shorter; `lines` are those between its fences."""
    templates: dict[str, _Pieces] = {"": ()}
    at = 1
    while at < len(lines) and (match := _TEMPLATE.fullmatch(lines[at])):
        templates[match[1]] = match[2].split(OPEN)
        at += 1
    found: list[str] = []
    for line in lines[at:]:
        label = _LABEL.match(line)
        if not label or not label[0] or label[1] not in templates or label[2] not in templates:
            found.append(line)
            continue
        times = _REPEATED.search(line)
        values = line[label.end() : times.start() if times else None]
        found += [_filled(templates[label[1]], templates[label[2]], values)] * (int(times[1]) if times else 1)
    return found


def is_value(atom: str) -> bool:
    """Return whether an atom could be told from its neighbours as a value."""
    return " " not in atom or _VALUE.fullmatch(atom) is not None


def _filled(head: _Pieces, message: _Pieces, values: str) -> str:
    """Return the line that templates and values stand for; values have a space before each."""
    if not head:
        return _fill(message, values, 0)[0]
    first, at = _fill(head, values, 0)
    return f"{first} {_fill(message, values, at)[0]}" if message else first + values[at:]


def _fill(pieces: _Pieces, values: str, at: int) -> tuple[str, int]:
    parts = [pieces[0]]
    for piece in pieces[1:]:
        value = _VALUE.match(values, at + 1)
        at = value.end() if value else len(values)
        parts += (value[0] if value else "", piece)
    return "".join(parts), at


def _places(
    lines: Sequence[str], heads: Sequence[Group], messages: Sequence[Group]
) -> dict[int, tuple[Group | None, Group | None, str]]:
    """Return for each line that can be read back its groups and its values."""
    head_of = {line.number: (group, line) for group in heads for line in group.lines}
    message_of = {line.number: (group, line) for group in messages for line in group.lines}
    found: dict[int, tuple[Group | None, Group | None, str]] = {}
    for number in sorted(head_of.keys() | message_of.keys()):
        head = head_of.get(number)
        for message in (message_of.get(number), None):
            values = _values(lines[number], head, message)
            if values is not None:
                found[number] = head and head[0], message and message[0], values
                break
    return found


def _values(line: str, head: tuple[Group, Line] | None, message: tuple[Group, Line] | None) -> str | None:
    """Return what follows the labels, or None where the line cannot be read back from it."""
    first, second = (part[0].pieces() if part else () for part in (head, message))
    values = "".join(" " + field for part in (head, message) if part for field in part[0].fields(part[1]))
    if head and not message:
        values += line[len(_fill(first, values, 0)[0]) :]
    if not (head or message) or _REPEATED.search(values) or _filled(first, second, values) != line:
        return None
    return values


def _labels(groups: Iterable[Group], letters: str, taken: set[str]) -> dict[int, str]:
    """Return labels by the identity of the group: one letter, then two, none that lines begin with."""
    free = ("".join(label) for size in (1, 2) for label in product(letters, repeat=size))
    return {id(group): label for group, label in zip(groups, (x for x in free if x not in taken), strict=False)}


def _body(lines: Sequence[str], short: Mapping[int, str]) -> list[str]:
    """Return the lines with those that are shorter so, and repetitions of these counted."""
    body: list[str] = []
    for (line, is_short), run in groupby((short.get(n, line), n in short) for n, line in enumerate(lines)):
        times = len(list(run))
        body += [f"{line} (x{times})"] if is_short and times > 1 else [line] * times
    return body


def _how(short: Mapping[int, str], body: Sequence[str]) -> str:
    """Return how to read the lines, with no more than these need."""
    used = {match[0] for line in short.values() if (match := _LABEL.match(line))}
    labels = sorted(used, key=lambda label: (-len(label), label))
    heads = [label for label in labels if label.isupper()]
    whole = next((label for label in labels if not label.isupper()), heads[0] if heads else "")
    if whole.isupper():
        return _HOW_HEADS.format(label=whole) + _HOW_REPEATED * any(_REPEATED.search(line) for line in body)
    parts = re.findall(r"[A-Z]+|[a-z]+", whole)
    how = _HOW.format(label=whole, parts=" and ".join(parts))
    how += _HOW_TEXT.format(label=heads[0]) if heads and whole != heads[0] else ""
    return how + _HOW_REPEATED * any(_REPEATED.search(line) for line in body)
