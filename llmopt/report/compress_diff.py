"""What changed in a file, as a unified diff (POSIX `diff -u`): plain for a pipe, coloured for a terminal.

The edits are known, so the lines that changed are too, and nothing has to be searched for in the rest of the text: a
long file takes no longer than its length asks. Only within the lines of one edit does `difflib` look for those that
stay.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from llmopt.prompts.edits import Edit, applied
from llmopt.prompts.files.values import FileResult
from llmopt.report.text import clean

CONTEXT = 3
"""Lines that stay and are shown around those that change."""
_COMPARED = 400
"""Most lines of one edit on each side that are compared with each other."""
_NO_BREAK = "\\ No newline at end of file"


@dataclass(frozen=True, slots=True)
class Change:
    """Lines `[start, end)` of the original become others."""

    start: int
    end: int
    lines: tuple[str, ...]
    """Each with its line break, but for the last of a file that ends without."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a diff."""

    sign: str
    """` `, `-`, `+`; `@` for the head of a hunk, `=` for a file's name, `\\` for a remark."""
    text: str
    """What is shown, its sign included; nothing in it that a terminal would obey."""


def diff_lines(file: FileResult) -> Iterator[Line]:
    """Yield the diff of a file; nothing where it does not change."""
    text = file.source.text
    if file.text == text:  # edits may undo each other
        return
    old = _lines(text)
    changes = list(_refined(_changes(text, file.edits, old), old))
    if not changes:
        return
    name = clean(file.source.shown)
    yield Line("=", f"--- {name}")
    yield Line("=", f"+++ {name} (compressed)")
    shift = 0
    for hunk in _hunks(changes):
        lines = list(_hunk(hunk, old, shift))
        yield from lines
        shift += sum(len(change.lines) - (change.end - change.start) for change in hunk)


def diff_text(files: Sequence[FileResult]) -> str:
    """Return the diff of some files as plain text."""
    return "".join(f"{line.text}\n" for file in files for line in diff_lines(file))


def _lines(text: str) -> list[str]:
    """Split at line feeds alone."""
    found = text.split("\n")
    last = found.pop()
    return [*(f"{line}\n" for line in found), *([last] if last else [])]


def _changes(text: str, edits: Sequence[Edit], old: Sequence[str]) -> Iterator[Change]:
    """Yield what edits do to whole lines; edits that share a line, or join lines, go together."""
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    group: list[Edit] = []
    first = last = 0
    for edit in edits:
        begin = _line_at(starts, edit.start)
        if group and begin > last:
            yield _change(text, group, starts, first, last)
            group = []
        if not group:
            first = last = begin
        group.append(edit)
        last = max(last, _line_at(starts, max(edit.end - 1, edit.start)))
        while last + 1 < len(old) and not _ends_a_line(text, group, starts[first], starts[last + 1]):
            last += 1
    if group:
        yield _change(text, group, starts, first, last)


def _line_at(starts: Sequence[int], offset: int) -> int:
    return max(min(bisect_right(starts, offset) - 1, len(starts) - 2), 0)


def _ends_a_line(text: str, group: Sequence[Edit], start: int, end: int) -> bool:
    """Return whether what is left of `[start, end)` is nothing, or ends with a line break."""
    at = end
    for edit in reversed(group):
        if edit.end < at:
            break
        if edit.text:
            return edit.text.endswith("\n")
        at = edit.start
    return at <= start or text[at - 1] == "\n"


def _change(text: str, group: Sequence[Edit], starts: Sequence[int], first: int, last: int) -> Change:
    start, end = starts[first], starts[last + 1] if last + 1 < len(starts) else len(text)
    moved = [Edit(edit.start - start, edit.end - start, edit.text, edit.rule) for edit in group]
    return Change(first, last + 1, tuple(_lines(applied(text[start:end], moved))))


def _refined(changes: Iterator[Change], old: Sequence[str]) -> Iterator[Change]:
    """Yield changes without the lines that stay."""
    for change in changes:
        before = old[change.start : change.end]
        if max(len(before), len(change.lines)) > _COMPARED:
            yield change
            continue
        matcher = SequenceMatcher(None, before, change.lines, autojunk=False)
        for tag, low, high, new_low, new_high in matcher.get_opcodes():
            if tag != "equal":
                yield Change(change.start + low, change.start + high, change.lines[new_low:new_high])


def _hunks(changes: Sequence[Change]) -> Iterator[list[Change]]:
    hunk: list[Change] = []
    for change in changes:
        if hunk and change.start - hunk[-1].end > 2 * CONTEXT:
            yield hunk
            hunk = []
        hunk.append(change)
    yield hunk


def _hunk(hunk: Sequence[Change], old: Sequence[str], shift: int) -> Iterator[Line]:
    start, end = max(hunk[0].start - CONTEXT, 0), min(hunk[-1].end + CONTEXT, len(old))
    longer = sum(len(change.lines) - (change.end - change.start) for change in hunk)
    yield Line("@", f"@@ -{_range(start, end - start)} +{_range(start + shift, end - start + longer)} @@")
    at = start
    for change in hunk:
        yield from _shown(" ", old[at : change.start])
        yield from _shown("-", old[change.start : change.end])
        yield from _shown("+", change.lines)
        at = change.end
    yield from _shown(" ", old[at:end])


def _range(start: int, length: int) -> str:
    """Return `first,number` of a hunk; an empty range names the line before it."""
    if length == 1:
        return f"{start + 1}"
    return f"{start + 1 if length else start},{length}"


def _shown(sign: str, lines: Sequence[str]) -> Iterator[Line]:
    for line in lines:
        bare = line.removesuffix("\n").removesuffix("\r")
        yield Line(sign, sign + "\t".join(clean(part) for part in bare.split("\t")))
        if not line.endswith("\n"):
            yield Line("\\", _NO_BREAK)
