"""Read whole logs record by record, whatever kind of file they are: for those who want more than sums."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from llmopt.cost.documents import as_lines
from llmopt.cost.read import as_paths
from llmopt.cost.rejects import Reader
from llmopt.cost.sources import Source, find_files
from llmopt.cost.stores.mount import mounted, reason_of

if TYPE_CHECKING:
    from llmopt.cost.read import Logs

_ALL_ROWS = 2**62


def read_each(paths: Logs, reader: Reader) -> tuple[str, ...]:
    """Hand every record behind `paths` to the reader, and return the names of the files.

    Raises:
        InputError: a path that does not exist, a directory without logs.
    """
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        sources = find_files(as_paths(paths, Path(folder)), Path(folder))
        read_sources(sources, reader, Path(folder))
        reader.finish()
    return tuple(source.shown for source in sources)


def read_sources(sources: Sequence[Source], reader: Reader, spool: Path) -> None:
    """Hand every record of files to the reader, which is not told that it was the last.

    Args:
        sources: the files.
        reader: takes the records.
        spool: a directory for copies.
    """
    for number, source in enumerate(sources):
        _read(source, reader, spool / f"document-{number}")


def _read(source: Source, reader: Reader, spool: Path) -> None:
    """Read one file, whatever it is."""
    found = reader.sniffer.sniff(source)
    if found.kind == "document":
        source = as_lines(source, spool)
        found = reader.sniffer.sniff(source)
    if found.kind == "other":
        reader.reject("not a log: binary data", source.shown, 1)
    elif found.kind == "parquet":
        _read_parquet(source, reader)
    elif found.kind == "csv":
        reader.read_csv(replace(source, delimiter=found.delimiter), found.variants[0])
    else:
        reader.read_all(source)


def _read_parquet(source: Source, reader: Reader) -> None:
    # Other files need not wait for duckdb to load.
    import duckdb

    from llmopt.cost.tables import parquet

    with duckdb.connect() as connection, mounted(connection, [source]):
        try:
            table = parquet(connection, source)
            specs = reader.sniffer.table(table.sample(connection))
            if not specs:
                reader.reject("no known columns", source.shown, 1)
                return
            reader.read_records(source, specs[0], table.rows(connection, None, _ALL_ROWS))
        except duckdb.Error as error:
            reason = reason_of(error).replace(source.path, source.shown)
            reader.reject(f"damaged file, cannot be read: {reason}", source.shown, 1)
