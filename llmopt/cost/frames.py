"""pandas DataFrames in and out: a frame read as a log, a report given as a frame.

The only module that knows pandas; it is loaded when a frame is given or asked for, never for files.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

from llmopt.cost.result import CostReport, Totals
from llmopt.errors import InputError, MissingExtraError

try:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    raise MissingExtraError(error.name or "pandas", "pandas") from error

_TOTALS = tuple(field.name for field in dataclasses.fields(Totals) if field.name != "counted")
_TYPES = {name: "object" if name.endswith("_usd") else "int64" for name in _TOTALS}


def write_frame(frame: pd.DataFrame, target: Path) -> Path:
    """Write a frame to a Parquet file; index levels that have a name are columns as well.

    Raises:
        InputError: two columns have the same name.
    """
    columns = [(str(name), frame.iloc[:, place]) for place, name in enumerate(frame.columns)]
    taken = Counter(name for name, _ in columns)
    if twice := [name for name, count in taken.items() if count > 1]:
        raise InputError(f"{target.name}: two columns are called {twice[0]!r}", "rename one of them")
    levels = [str(name) for name in frame.index.names if name is not None]
    columns += [(name, frame.index.get_level_values(name)) for name in levels if name not in taken]
    table = {name: _arrow(values) for name, values in columns}
    pq.write_table(pa.table(list(table.values()), names=list(table)), target)
    return target


def groups_frame(report: CostReport) -> pd.DataFrame:
    """Return the groups of a report, dearest first: the group columns, then those of `Totals`.

    All but `counted`, which is no single value. Counts are `int64`; dollars are `Decimal` objects, exact (a sum of
    the column is a Decimal as well).
    """
    rows = [(*group.key.values(), *(getattr(group.totals, name) for name in _TOTALS)) for group in report.groups]
    return pd.DataFrame(rows, columns=[*report.by, *_TOTALS]).astype(_TYPES)


def _arrow(values: pd.Series | pd.Index) -> pa.Array:
    """A column for Parquet; cells of several kinds become texts, to be read or rejected one by one."""
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, OverflowError):
        texts = [None if pd.api.types.is_scalar(value) and pd.isna(value) else str(value) for value in values]
        return pa.array(texts, type=pa.string())
