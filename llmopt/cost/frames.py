"""pandas DataFrames in and out: a frame read as a log, a report given as a frame.

The only module that knows pandas; it is loaded when a frame is given or asked for, never for files.
"""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from llmopt.cost.result import CostReport, Totals
from llmopt.errors import InputError, MissingExtraError, UsageError

try:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    raise MissingExtraError(error.name or "pandas", "pandas") from error

_TOTALS = tuple(field.name for field in dataclasses.fields(Totals) if field.name != "counted")
_TYPES = {name: "object" if name.endswith("_usd") else "int64" for name in _TOTALS}


def as_files(given: object, spool: Path) -> list[str | os.PathLike[str]]:
    """Return paths, each DataFrame among them written to a Parquet file in `spool`.

    Args:
        given: a DataFrame, or paths and DataFrames. A frame that is given twice is read once, as a file is.
        spool: a directory for the files; they are called `DataFrame`, from the second on with a number.

    Raises:
        UsageError: something that is neither a path nor a DataFrame.
        InputError: two columns of a frame have the same name.
    """
    things = [given] if isinstance(given, pd.DataFrame) or not isinstance(given, Iterable) else list(given)
    written: dict[int, Path] = {}
    files: list[str | os.PathLike[str]] = []
    for thing in things:
        if isinstance(thing, (str, os.PathLike)):
            files.append(thing)
            continue
        if not isinstance(thing, pd.DataFrame):
            raise UsageError(f"logs are paths or pandas DataFrames, not {type(thing).__name__}")
        if id(thing) not in written:
            number = f" {len(written) + 1}" if written else ""
            written[id(thing)] = _write(thing, spool / f"DataFrame{number}")
        files.append(written[id(thing)])
    return files


def groups_frame(report: CostReport) -> pd.DataFrame:
    """Return the groups of a report, dearest first: the group columns, then those of `Totals`.

    All but `counted`, which is no single value. Counts are `int64`; dollars are `Decimal` objects, exact (a sum of
    the column is a Decimal as well).
    """
    rows = [(*group.key.values(), *(getattr(group.totals, name) for name in _TOTALS)) for group in report.groups]
    return pd.DataFrame(rows, columns=[*report.by, *_TOTALS]).astype(_TYPES)


def _write(frame: pd.DataFrame, target: Path) -> Path:
    """Write a frame to Parquet; index levels that have a name are columns as well."""
    columns = [(str(name), frame.iloc[:, place]) for place, name in enumerate(frame.columns)]
    taken = Counter(name for name, _ in columns)
    if twice := [name for name, count in taken.items() if count > 1]:
        raise InputError(f"{target.name}: two columns are called {twice[0]!r}", "rename one of them")
    levels = [str(name) for name in frame.index.names if name is not None]
    columns += [(name, frame.index.get_level_values(name)) for name in levels if name not in taken]
    table = {name: _arrow(values) for name, values in columns}
    pq.write_table(pa.table(list(table.values()), names=list(table)), target)
    return target


def _arrow(values: pd.Series | pd.Index) -> pa.Array:
    """A column for Parquet; cells of several kinds become texts, to be read or rejected one by one."""
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, OverflowError):
        texts = [None if pd.api.types.is_scalar(value) and pd.isna(value) else str(value) for value in values]
        return pa.array(texts, type=pa.string())
