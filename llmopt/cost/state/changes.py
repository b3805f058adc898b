"""Tell which files are new, changed, moved or gone since they were read last.

Logs are rotated: `app.log` becomes `app.log.1`, later `app.log.2.gz`, and in the end it is deleted. What was read
under one name must not count again under the next one, and what is gone still counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from llmopt.cost.sources import Source
from llmopt.cost.state.marks import Continued, Mark, Stat, continued, path_of, start_of
from llmopt.cost.state.rotated import is_rotated_away

Fate: TypeAlias = Literal["added", "counted", "dropped"]
"""Whether the totals hold what a file gave: not yet, as they should, or still though it is to be forgotten."""


@dataclass(frozen=True, slots=True)
class Known:
    """A file as it was when it was read."""

    id: int
    """A number that no other reading of any file has."""
    path: str
    shown: str
    place: float
    """By which files are put in order; ties between equal records are broken by it."""
    stat: Stat
    mark: Mark
    dedupe: str
    """How its records were told apart when it was read."""
    days: frozenset[str] = frozenset()
    """UTC days of its records."""
    rows: str = ""
    """File of its records that others may repeat; empty where it has none."""
    is_odd: bool = False
    """Has it records that are counted with others only, or rejected ones?"""
    fate: Fate = "counted"


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as it is now."""

    source: Source
    stat: Stat

    @property
    def path(self) -> str:
        """By what it is known from run to run."""
        return path_of(self.source)


@dataclass(slots=True)
class Changes:
    """What happened to the files since the last run."""

    same: list[tuple[Known, Listed]] = field(default_factory=list)
    moved: list[tuple[Known, Listed]] = field(default_factory=list)
    """The same content under another name."""
    grown: list[tuple[Known, Listed]] = field(default_factory=list)
    changed: list[tuple[Known, Listed]] = field(default_factory=list)
    """Other content under the same name."""
    new: list[Listed] = field(default_factory=list)
    gone: list[Known] = field(default_factory=list)
    rewritten: list[Known] = field(default_factory=list)
    """Those of `changed` whose content is no more: what now has their name does not go on from it."""
    superseded: list[Known] = field(default_factory=list)
    """Beginnings of files that turn out to be moved ones, read while these were being written."""

    @property
    def to_read(self) -> list[tuple[Known | None, Listed]]:
        """Files that must be read, with what was read of them before."""
        return [*self.grown, *self.changed, *((None, item) for item in self.new)]

    @property
    def kept(self) -> list[tuple[Known, Listed]]:
        """Files that need not be read."""
        return [*self.same, *self.moved]


def compare(known: Sequence[Known], listed: Sequence[Listed]) -> Changes:
    """Compare what was read with what is there; only files that look changed are opened."""
    changes = Changes()
    by_path = {
        item.path: item for item in sorted(known, key=lambda item: item.id)
    }  # what is gone may have had the name
    unchanged = {(item.path, item.stat): item for item in known}
    left: dict[str, Listed] = {}
    for item in listed:
        before = unchanged.get((item.path, item.stat))
        if before is not None:
            changes.same.append((before, item))
        else:
            left[item.path] = item
    settled = {item.id for item, _ in changes.same}
    search = _Search([item for item in known if item.id not in settled])
    for fate in ("same", "grown"):
        for path, item in list(left.items()):
            before = search.find(item, fate)
            if before is not None:
                search.take(before)
                _sort(changes, before, left.pop(path), fate)
    _by_name(changes, left, by_path, search)
    changes.gone = search.left()
    return changes


def _sort(changes: Changes, before: Known, item: Listed, fate: str) -> None:
    """Put a pair where it belongs. Same ends do not prove the same middle, so a file touched in its place is read."""
    if fate == "grown":
        changes.grown.append((before, item))
    elif before.path == item.path:
        changes.changed.append((before, item))
    else:
        changes.moved.append((before, item))


def _by_name(changes: Changes, left: Mapping[str, Listed], by_path: Mapping[str, Known], search: _Search) -> None:
    """Decide on files that hold nothing known, and on what had the names of others before."""
    for path, item in left.items():
        before = by_path.get(path)
        if before is None or is_rotated_away(path, before.mark) or not search.take(before):
            changes.new.append(item)
            continue
        changes.changed.append((before, item))
        changes.rewritten.append(before)
    for _, item in changes.moved:
        before = by_path.get(item.path)
        if before is not None and search.continues(item, before) and search.take(before):
            changes.superseded.append(before)


class _Search:
    """Finds what a file was before."""

    def __init__(self, known: Iterable[Known]) -> None:
        self._left = {item.id: item for item in known}
        self._by: dict[object, list[Known]] = {}
        self._fates: dict[tuple[str, int], Continued | None] = {}
        self._starts: dict[str, bytes] = {}
        for item in self._left.values():
            for name in self._names(item.path, item.stat, item.mark.start):
                self._by.setdefault(name, []).append(item)

    def find(self, item: Listed, fate: str) -> Known | None:
        """Return what the file holds unchanged (`same`), or with more behind it (`grown`)."""
        for before in self._candidates(item):
            if before.id in self._left and self._fate(item, before) == fate:
                return before
        return None

    def continues(self, item: Listed, before: Known) -> bool:
        """Does the file hold what that one held?"""
        return self._fate(item, before) is not None

    def take(self, known: Known) -> bool:
        """Let nobody else find it; False when somebody has."""
        return self._left.pop(known.id, None) is not None

    def left(self) -> list[Known]:
        """Return what was not found."""
        return list(self._left.values())

    def _candidates(self, item: Listed) -> Iterator[Known]:
        if not self._left:
            return
        path = item.path
        for name in self._names(path, item.stat, b""):
            yield from self._by.get(name, ())
        if path not in self._starts:
            self._starts[path] = start_of(item.source)
        yield from self._by.get(("start", self._starts[path]), ())
        yield from self._by.get(("start", b""), ())  # short files are few, or few bytes to compare

    def _names(self, path: str, stat: Stat, start: bytes) -> list[object]:
        names: list[object] = [("path", path)]
        names += [("inode", stat.inode)] if stat.inode else []
        names += [("etag", stat.etag, stat.size_bytes)] if stat.etag else [("start", start)]
        return names

    def _fate(self, item: Listed, before: Known) -> Continued | None:
        if item.stat.etag or before.stat.etag:
            return (
                "same" if (item.stat.etag, item.stat.size_bytes) == (before.stat.etag, before.stat.size_bytes) else None
            )
        pair = (item.path, before.id)
        if pair not in self._fates:
            self._fates[pair] = continued(item.source, item.stat, before.mark)
        return self._fates[pair]
