"""Read logs into columns: one statement for what a bill needs, and a look at each distinct request.

The columns say what `llmopt cost` says, call by call (their cost adds up to the bill); what duckdb is not sure of, and
formats whose records belong together, are read one by one as `llmopt.cost.calls` does.

How the modules fit together: `column_engine` runs the statement that `column_sql` writes, and gets its rows through
`arrow`; `column_scan` takes whole columns of them over, and asks `column_rows` to look at a row where a hash is new;
all calls go into `column_book`, also those that are read one by one; `column_settle` takes out repeats in the end.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from llmopt.cost.call import Call
from llmopt.cost.call_book import CallBook
from llmopt.cost.call_columns import CallColumns
from llmopt.cost.calls import Unbooked, call_warnings
from llmopt.cost.column_book import ColumnBook, Kept, See
from llmopt.cost.column_settle import leave_unpriced, merge, remember, repeats
from llmopt.cost.column_wish import Unfit, Wish
from llmopt.cost.one_by_one import read_sources
from llmopt.cost.read import SMALL_BYTES, Reading, as_paths, in_batches
from llmopt.cost.rejects import Reader
from llmopt.cost.shelf import Shelf
from llmopt.cost.sniff import Sniffed, Sniffer
from llmopt.cost.sources import Source, find_files
from llmopt.cost.spec.load import GROUP_FIELDS
from llmopt.cost.wanted import Options, Wanted, wanted_by

if TYPE_CHECKING:
    from llmopt.cost.read import Logs


def read_columns(
    paths: str | os.PathLike[str] | Logs,
    see: See,
    *,
    columns: Sequence[str] = (),
    groups: Sequence[str] = GROUP_FIELDS,
    by_label: bool = False,
    kept: Kept | None = None,
    ends: Sequence[str] = (),
    see_hashed: Callable[[Call, int], int] | None = None,
    sizes: bool = True,
    since: datetime | None = None,
    until: datetime | None = None,
    input_format: str = "auto",
    mapping: Mapping[str, str] | None = None,
    format_specs: Sequence[Path] = (),
    prices: Sequence[Path] = (),
    deployments: Mapping[str, str] | None = None,
    cached: str | None = None,
    dedupe: str = "auto",
    as_of: datetime | None = None,
) -> CallColumns:
    """Read logs into columns.

    Args:
        paths: files, directories (recursive), globs, `-`, DataFrames.
        see: asked once for each spelling of a request (and model, provider, and whether it wrote nothing); gives the
            request a number, or -1. Also asked for a hash in the place of a prompt: then `request` is
            `{"prompt_hash": text}`.
        columns: further columns to keep in `labels`.
        groups: those of `user`, `team`, `feature`, `project`, `session` to keep in `labels`. Each set of them takes
            room, and a log may have as many users or sessions as calls.
        by_label: ask `see` anew for each label.
        kept: does a cache keep an answer: asked with its text (None where it is not logged) and the `ends` that are
            set. None: it keeps all.
        ends: columns that say why an answer ended; not in `labels`.
        see_hashed: asked in the place of `see` for so many hashes that were not seen before, all of the model and the
            provider of the call; gives the number of the first, the others follow. Not asked with `by_label`.
        sizes: whether the exact sizes of answers that are JSON are wanted (a cache with a bound); they take time and
            memory. False: they may be estimated, and the columns say so.
        since: this and what follows as for `llmopt.cost.calls.read_calls`.
        until: …
        input_format: …
        mapping: …
        format_specs: …
        prices: …
        deployments: …
        cached: …
        dedupe: …
        as_of: …

    Raises:
        InputError: a path that does not exist, or nothing in it could be read.
        UsageError: no such format.
        ConfigError: a wrong spec, mapping or price file.
    """
    options = Options(
        since=since,
        until=until,
        input_format=input_format,
        mapping=mapping or {},
        format_specs=format_specs,
        prices=prices,
        deployments=deployments or {},
        cached=cached,
        dedupe=dedupe,
        as_of=as_of,
    )
    wanted = wanted_by(options)
    wish = Wish(tuple(columns), tuple(groups), tuple(ends), by_label, see_hashed, sizes)
    known: dict[object, int] = {}
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        spool = Path(folder)
        sources = find_files(as_paths(paths, spool), spool)
        fast = sum(source.size_bytes for source in sources) > SMALL_BYTES

        def attempt(*, at_once: bool) -> CallColumns:
            book = ColumnBook(see, kept, wanted.quotes, wish, known=known)
            return ColumnReading(sources, book, wanted, wish, spool, at_once=at_once).columns(as_of)

        if fast:
            with suppress(Unfit):
                return attempt(at_once=True)
        return attempt(at_once=False)


class ColumnReading:
    """One attempt to read a log, or a part of one."""

    def __init__(
        self,
        sources: list[Source],
        book: ColumnBook,
        wanted: Wanted,
        wish: Wish,
        spool: Path,
        *,
        at_once: bool,
        known: Mapping[str, Sniffed] | None = None,
    ) -> None:
        """Read everything, at once or one by one.

        Args:
            sources: the files.
            book: takes the calls.
            wanted: formats, plan and prices.
            wish: what is wanted of each call.
            spool: a directory for copies.
            at_once: by one statement, as far as that can be.
            known: path -> what the file is, for files that are a piece of another; None: they are looked at.

        Raises:
            Unfit: it must be one by one.
        """
        self.sources, self.book, self.wanted, self.wish, self.spool = sources, book, wanted, wish, spool
        self.found = Reading(ledger=Unbooked())
        for number, source in enumerate(sources):
            book.files.setdefault(source.shown, number)
        sniffer = Sniffer(wanted.specs)
        sniffer.known.update(known or {})
        with Shelf() as shelf:
            calls = CallBook(book.take, (*wish.columns, *wish.ends), wanted.quotes, shelf)
            reader = Reader(sniffer, wanted.plan, self.found, witness=calls)
            self.dropped = self._at_once(reader, calls) if at_once else set[int]()
            """The calls of the book that repeat others."""
            if not at_once:
                read_sources(sources, reader, spool)
            reader.finish()
        self.unpaired = reader.unpaired
        """Ids of texts without usage, whose usage other parts of the log may have."""
        self.calls = calls

    def _at_once(self, reader: Reader, calls: CallBook[int]) -> set[int]:
        """Read what can be read at once; return the calls that repeat others."""
        batches = in_batches(self.sources, reader.sniffer, reader, self.spool, small=False)
        if not batches:
            return set()
        # Small logs need not wait for duckdb to load.
        from llmopt.cost.column_engine import ColumnEngine

        book, wanted = self.book, self.wanted
        engine = ColumnEngine(wanted.plan, reader.sniffer, reader, self.spool, book, self.wish)
        engine.run(batches)
        again = repeats(book, engine.fast)
        if again and any(spec.dedupe for batch in batches for spec in batch.specs):
            raise Unfit
        merge(book, again)
        self.found.duplicates += len(again)
        dropped = {row for row, _ in again}
        leave_unpriced(book, engine.fast, wanted.plan.keying, wanted.quotes)
        remember(book, engine.fast, dropped, calls, wanted.quotes)
        return dropped

    def columns(self, as_of: datetime | None) -> CallColumns:
        """Return the calls.

        Raises:
            InputError: there is nothing at all.
        """
        found, reading, calls = self.book.columns(self.book.by_time(self.dropped)), self.found, self.calls
        files = tuple(source.shown for source in self.sources)
        rejected = reading.rejects.listed()
        if not (len(found) or calls.aggregated or reading.free or reading.skipped or reading.duplicates):
            raise self.wanted.nothing(files, f"{rejected[0].first}: {rejected[0].reason}" if rejected else "")
        return replace(
            found,
            files=files,
            aggregated=calls.aggregated,
            aggregated_usd=calls.aggregated_usd,
            free=reading.free,
            duplicates=reading.duplicates,
            skipped=reading.skipped,
            rejected=rejected,
            warnings=tuple(call_warnings(calls, as_of)),
        )
