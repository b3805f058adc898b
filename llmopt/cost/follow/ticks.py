"""Price logs while they grow: each tick reads only what is new, and reports on everything so far.

New lines are read as one more part of the log and merged with what is known. Formats whose lines need each other,
tables and archives are read again whole when they have changed, and what they said before is forgotten. Repeats are
looked for from the start (`auto` is taken for `all`): the lines of an hour ago cannot be read a second time.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from llmopt.cost.follow.file import Mode
from llmopt.cost.follow.open_rows import MOST_ROWS, OpenRows
from llmopt.cost.follow.stream import Stream
from llmopt.cost.follow.tail import Piece, Tail, check_paths
from llmopt.cost.follow.whole import Wholes
from llmopt.cost.identity import Identity, better
from llmopt.cost.pairs import Answer, Kept, joined
from llmopt.cost.partial import Partial, add, answers_in, cut_of, merged, ranked, read_part, unanswered
from llmopt.cost.prepared import Prepared
from llmopt.cost.read import Reading
from llmopt.cost.rejects import Reader
from llmopt.cost.result import CostReport
from llmopt.cost.sniff import Sniffer
from llmopt.cost.sources import Source
from llmopt.files import compression_of

MOST_KEPT = 50_000
"""Records with an identity that were read one by one (texts without usage, odd lines) and are remembered at least."""
_TELLING_BYTES = 65536
"""A file whose start is of no known format is read as lines from this size on."""


class Follow:
    """A log that grows, and what it cost so far; used in a `with` statement.

    Args:
        paths: files, directories (recursive), quoted globs; `-` for `stream`.
        prepared: how to read, and at which prices.
        stream: what comes through standard input; None: nothing does.
        most_rows: records of formats that repeat that are remembered.

    Raises:
        InputError: a file or a directory that does not exist.
    """

    def __init__(
        self, paths: Sequence[str], prepared: Prepared, stream: Stream | None = None, *, most_rows: int = MOST_ROWS
    ) -> None:
        check_paths(paths)
        dedupe = "all" if prepared.settings.dedupe == "auto" else prepared.settings.dedupe
        self._prepared, self._settings = prepared, replace(prepared.settings, dedupe=dedupe)
        self._sniffer = Sniffer(self._settings.formats)
        self._folder = tempfile.TemporaryDirectory(prefix="llmopt-")
        self._spool = Path(self._folder.name)
        self._tail = Tail(paths, self._spool, self._mode_of, stream)
        self._base = Partial()
        self._open = OpenRows(self._spool, self._settings.memory_bytes, most_rows)
        self._kept: dict[Identity, Kept] = {}
        self._answers: deque[Answer] = deque(maxlen=MOST_KEPT)
        self._wholes = Wholes(self._read)
        self._parts = 0
        self._report: CostReport | None = None

    def __enter__(self) -> Follow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tail.close()
        self._folder.cleanup()

    @property
    def more(self) -> bool:
        """Whether there is more to read at once than the last tick has read."""
        return self._tail.more

    @property
    def ended(self) -> bool:
        """Whether nothing can come any more: only standard input is followed, and it has ended."""
        return self._tail.ended

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the files, in the order in which it happened."""
        return tuple(self._tail.notes)

    def tick(self, *, last: bool = False) -> CostReport:
        """Read what is new, and return the report on all that was seen.

        Args:
            last: nothing will be read after this; half lines are taken as they are.
        """
        pieces = self._tail.poll(last=last)
        if not pieces and self._report is not None:
            return self._report
        for batch in _apart([piece for piece in pieces if piece.file.mode == "lines"]):
            self._read_lines(batch)
        self._look_for_answers(self._wholes.take(piece for piece in pieces if piece.file.mode != "lines"))
        self._settle()
        self._report = self._priced()
        return self._report

    def finish(self) -> CostReport:
        """Read to the end and return the final report.

        Raises:
            InputError: nothing in it could be read.
        """
        self.tick(last=True)
        while self.more:
            self.tick(last=True)
        return self._prepared.report(self._merged())

    def _mode_of(self, path: Path) -> Mode:
        """Tell how a file is to be read."""
        packed = compression_of(str(path))
        if packed != "none":
            return "whole"
        found = self._sniffer.sniff(Source(str(path), path.name, packed))
        if found.kind == "csv":
            return "copied"
        if found.kind != "lines":
            return "whole"
        cut = cut_of(found.variants)
        if cut != "lines":
            return "together" if cut == "together" else "copied"
        return "lines" if found.variants or path.stat().st_size > _TELLING_BYTES else "undecided"

    def _read_lines(self, pieces: Sequence[Piece]) -> None:
        """Read new lines, each file's once."""
        for piece in pieces:
            self._wholes.forget(piece.file.number)
        sources = [Source(str(piece.path), piece.file.shown, "none") for piece in pieces]
        part = self._read(sources)
        add(self._base, part, {piece.file.shown: piece.first_line - 1 for piece in pieces})
        self._open.add(part.rows)
        for identity, kept in part.kept:
            known = self._kept.pop(identity, None)  # so that it goes to the end
            self._kept[identity] = kept if known is None else better(known, kept)
        self._answers.extend(part.answers)
        self._look_for_answers(sources)
        for piece in pieces:
            piece.path.unlink()

    def _read(self, sources: Sequence[Source]) -> Partial:
        self._parts += 1
        return read_part(sources, self._settings, self._spool / f"rows-{self._parts}.parquet")

    def _look_for_answers(self, sources: Sequence[Source]) -> None:
        """Look in new lines for the usage of texts that came before."""
        ids = [] if not sources else unanswered([self._base_with(self._kept.items()), *self._wholes.parts])
        if ids:
            self._answers.extend(answers_in(sources, self._settings, ids))

    def _settle(self) -> None:
        """Count what is too old to be repeated, so that what is remembered stays bounded."""
        rows = self._open.settle()
        old = set(list(self._kept)[:-MOST_KEPT]) if len(self._kept) > 2 * MOST_KEPT else set()
        if rows is None and not old:
            return
        conceded = self._rank_settled(rows) if rows is not None else frozenset()
        reader = self._reader()
        for identity in list(self._kept):
            if identity in old or joined(self._kept[identity].row.key) in conceded:
                reader.adopt(identity, self._kept.pop(identity))
        reader.concede(conceded, [], map(copy, self._answers))
        reader.finish()

    def _rank_settled(self, rows: str) -> frozenset[str]:
        """Count the records of a file for good; return the keys of what is kept that they are records of, too."""
        reader = self._reader()
        for identity, kept in self._kept.items():
            reader.adopt(identity, copy(kept))
        conceded = ranked([rows], self._settings, reader, self._tail.shown)
        Path(rows).unlink()
        return frozenset(conceded)

    def _reader(self) -> Reader:
        return Reader(self._sniffer, self._settings.plan(), self._base, self._settings.weigh)

    def _priced(self) -> CostReport:
        return self._prepared.priced(self._merged())

    def _merged(self) -> Reading:
        # merging changes what is kept
        base = self._base_with((identity, copy(kept)) for identity, kept in self._kept.items())
        wholes = [
            replace(part, kept=[(identity, copy(kept)) for identity, kept in part.kept], answers=_copied(part.answers))
            for part in self._wholes.parts
        ]
        return merged([base, *wholes], self._settings, self._tail.shown, _copied(self._answers))

    def _base_with(self, kept: Iterable[tuple[Identity, Kept]]) -> Partial:
        return replace(self._base, rows=self._open.paths, kept=list(kept))


def _copied(answers: Iterable[Answer]) -> list[Answer]:
    return [copy(answer) for answer in answers]


def _apart(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return the pieces in batches that hold each name once: of a rotated file there may be an old and a new piece."""
    batches: list[list[Piece]] = []
    for piece in pieces:
        for batch in batches:
            if all(piece.file.shown != other.file.shown for other in batch):
                batch.append(piece)
                break
        else:
            batches.append([piece])
    return batches
