"""The calls of a log one by one: what was asked and answered, for whom, when, and what each cost.

Any log that can be priced can be read so, and a call counts here where it counts in a bill: the costs of all calls add
up to what `llmopt cost` says, but for records that are sums of many requests. Texts are not kept: each call is handed
over once, and those that wait for the last record of their response wait on the disk if they are many.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from llmopt.core.ledger import Entry, Key, Ledger
from llmopt.cost.call import Call, Calls, T
from llmopt.cost.call_book import CallBook
from llmopt.cost.one_by_one import read_each
from llmopt.cost.read import Reading
from llmopt.cost.rejects import Reader
from llmopt.cost.shelf import Shelf
from llmopt.cost.sniff import Sniffer
from llmopt.cost.wanted import Options, wanted_by

if TYPE_CHECKING:
    from llmopt.cost.read import Logs

__all__ = ["Call", "Calls", "read_calls"]


def read_calls(
    paths: str | os.PathLike[str] | Logs,
    take: Callable[[Call], T],
    *,
    columns: Sequence[str] = (),
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
) -> Calls[T]:
    """Read logs call by call.

    Args:
        paths: files, directories (recursive), globs, `-` for standard input, `.gz` and `.zst` too; pandas DataFrames.
        take: what to keep of a call. It is asked in any order; what it returns comes by time.
        columns: further columns, by name or by names with dots between that lead into objects (`scores.helpful`).
        since: leave out calls before this instant (without a time zone it is UTC), and those without a time.
        until: leave out calls from this instant on.
        input_format: name of a format; `auto` tells each file's by its content.
        mapping: column of a table or generic log -> canonical field.
        format_specs: more format specs (`docs/format-specs.md`).
        prices: more price files.
        deployments: deployment name as logged -> model.
        cached: `included` or `excluded`: whether the input count of a generic log holds its cached tokens.
        dedupe: `auto` (formats that repeat by nature, and identical records with one request id) or `none`.
        as_of: price calls without a time as of then; None: at the newest prices, with a warning.

    Raises:
        InputError: a path that does not exist, or nothing in it could be read.
        UsageError: no such format.
        ConfigError: a wrong spec, mapping or price file.
    """
    wanted = wanted_by(
        Options(
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
    )
    reading = Reading(ledger=Unbooked())
    with Shelf() as shelf:
        book = CallBook(take, tuple(columns), wanted.quotes, shelf)
        files = read_each(paths, Reader(Sniffer(wanted.specs), wanted.plan, reading, witness=book))
    calls = _calls(book, reading, files, as_of)
    if not (calls.taken or calls.aggregated or calls.free or calls.skipped or calls.duplicates):
        first = calls.rejected[0] if calls.rejected else None
        raise wanted.nothing(files, f"{first.first}: {first.reason}" if first else "")
    return calls


class Unbooked(Ledger):
    """Takes the place of the ledger that a bill is added up in: here each call is handed over instead."""

    def add(self, key: Key, entry: Entry) -> None:
        """Let it go."""


def _calls(book: CallBook[T], reading: Reading, files: tuple[str, ...], as_of: datetime | None) -> Calls[T]:
    return Calls(
        taken=book.by_time(),
        files=files,
        untimed=book.untimed,
        aggregated=book.aggregated,
        free=reading.free,
        duplicates=reading.duplicates,
        skipped=reading.skipped,
        rejected=reading.rejects.listed(),
        warnings=tuple(call_warnings(book, as_of)),
        aggregated_usd=book.aggregated_usd,
    )


class Counted(Protocol):
    """Calls, counted by what there is to say about them."""

    untimed: int
    naive: int
    unpriced: Counter[str]
    warnings: Counter[str]


def call_warnings(book: Counted, as_of: datetime | None) -> Iterator[str]:
    """Yield what there is to say about calls."""
    if book.untimed and as_of is None:
        yield f"{_calls_of(book.untimed)} without a readable timestamp, priced at the newest prices (set --as-of DATE)"
    if book.naive:
        yield f"{_calls_of(book.naive)} without a time zone, taken as UTC"
    for reason, count in sorted(book.unpriced.items()):
        yield f"{_calls_of(count)} without a price: {reason}"
    for text, count in sorted(book.warnings.items()):
        yield f"{text} ({_calls_of(count)})"


def _calls_of(count: int) -> str:
    return f"{count:,} call{'' if count == 1 else 's'}"
