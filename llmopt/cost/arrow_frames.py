"""Frames and tables other than those of pandas, each written to a Parquet file by what writes it best."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from llmopt.cost.streams import ArrowStream, first_line, kept, write_stream
from llmopt.errors import InputError

if TYPE_CHECKING:
    import polars as pl


def write_table(thing: Any, target: Path) -> Path:
    """Write a polars frame, a duckdb relation or an Arrow stream to a Parquet file.

    Raises:
        InputError: two columns have the same name, it cannot be computed, or a type has no place in Parquet.
    """
    polars: Any = sys.modules.get("polars")
    if polars is not None and isinstance(thing, (polars.DataFrame, polars.LazyFrame)):
        return _write_polars(polars, thing.lazy(), target)
    _refuse_twins(_names(thing), target.name)
    if isinstance(thing, duckdb.DuckDBPyRelation):
        return _write_relation(thing, target)
    stream: ArrowStream = thing
    return write_stream(stream, target, target.name)


def _write_polars(polars: Any, frame: pl.LazyFrame, target: Path) -> Path:
    """Write a lazy frame as it is computed, without holding all of it."""
    wide = [getattr(polars, name) for name in ("Int128", "UInt128") if hasattr(polars, name)]
    try:
        # Parquet has no integers of 128 bits; polars writes them as bytes.
        frame.cast(dict.fromkeys(wide, polars.String)).sink_parquet(target, row_group_size=20_000)
    except polars.exceptions.PolarsError as error:
        raise InputError(
            f"{target.name}: {first_line(error)}", "cast that column to a plain type, or leave it out"
        ) from error
    return target


def _write_relation(relation: duckdb.DuckDBPyRelation, target: Path) -> Path:
    """Write a relation through its own connection, which alone knows its tables."""
    columns = (kept(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True))
    try:
        relation.project(", ".join(columns)).write_parquet(str(target), compression="snappy", row_group_size=20_000)
    except duckdb.Error as error:
        raise InputError(
            f"{target.name}: {first_line(error)}", "cast that column to a plain type, or leave it out"
        ) from error
    return target


def _names(thing: Any) -> list[str]:
    """Names of the columns, where the library tells them by one of the usual names."""
    if isinstance(thing, duckdb.DuckDBPyRelation):
        return list(thing.columns)
    names = getattr(thing, "column_names", None) or getattr(getattr(thing, "schema", None), "names", None)
    return [str(name) for name in names] if isinstance(names, (list, tuple)) else []


def _refuse_twins(names: list[str], shown: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"{shown}: two columns are called {twice[0]!r}", "rename one of them")
