"""What may be given as a log beside paths: frames, Arrow tables, queries. Each becomes a file in the spool.

The libraries that they come from are not imported here: who gives a frame has imported its library.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from llmopt.errors import UsageError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from llmopt.cost.streams import ArrowStream

_KINDS = (
    "paths or pandas DataFrames, also polars frames, Arrow tables and streams (anything with __arrow_c_stream__), "
    "duckdb relations and llmopt.Query"
)


@dataclass(frozen=True, slots=True)
class Query:
    """A log that is the result of a query."""

    sql: str
    """One SELECT."""
    database: str
    """A file of SQLite or duckdb, or a URL `postgresql://user@host/name`."""


if TYPE_CHECKING:
    Log: TypeAlias = str | os.PathLike[str] | Query | pd.DataFrame | ArrowStream | duckdb.DuckDBPyRelation
    Logs: TypeAlias = Sequence[Log] | Log


def as_files(given: object, spool: Path) -> list[str | os.PathLike[str]]:
    """Return paths, with a file in `spool` in the place of each frame, stream and query.

    Args:
        given: one log, or several. What is given twice is read once, as a file is.
        spool: a directory for the files; they are called as the type of what is given, from the second on with a
            number, or as the query's database.

    Raises:
        UsageError: something that cannot be a log.
        InputError: it cannot be read.
        MissingExtraError: its library is not installed.
    """
    single = _is_frame(given) or isinstance(given, (str, os.PathLike, Query)) or not isinstance(given, Iterable)
    things = [given] if single or not isinstance(given, Iterable) else list(given)
    written: dict[object, Path] = {}
    taken: Counter[str] = Counter()
    files: list[str | os.PathLike[str]] = []
    for thing in things:
        if isinstance(thing, (str, os.PathLike)):
            files.append(thing)
            continue
        key = thing if isinstance(thing, Query) else id(thing)
        if key not in written:
            written[key] = _written(thing, spool, taken)
        files.append(written[key])
    return files


def _written(thing: object, spool: Path, taken: Counter[str]) -> Path:
    """Write one thing to the spool."""
    if isinstance(thing, Query):
        from llmopt.cost.databases.query import as_source

        return as_source(thing.sql, thing.database, spool)
    if not _is_frame(thing):
        raise UsageError(f"logs are {_KINDS}, not {type(thing).__name__}", "give a path, or a frame")
    name = type(thing).__name__
    taken[name] += 1
    target = spool / (name if taken[name] == 1 else f"{name} {taken[name]}")
    if _is_of(thing, "pandas", "DataFrame"):
        from llmopt.cost.frames import write_frame

        return write_frame(thing, target)
    from llmopt.cost.arrow_frames import write_table

    return write_table(thing, target)


def _is_frame(thing: object) -> bool:
    return hasattr(thing, "__arrow_c_stream__") or any(
        _is_of(thing, library, name)
        for library, name in (("pandas", "DataFrame"), ("polars", "LazyFrame"), ("duckdb", "DuckDBPyRelation"))
    )


def _is_of(thing: object, library: str, name: str) -> bool:
    """Is it of a class of this library? Not where the library has not been imported."""
    kind = getattr(sys.modules.get(library), name, None)
    return isinstance(kind, type) and isinstance(thing, kind)
