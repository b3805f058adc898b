"""Leave out Parquet files that lie outside of the period asked for, by what they say of their row groups.

Their rows are counted as skipped without being read, so a bad row among them goes unnoticed.
"""

from __future__ import annotations

import duckdb

from llmopt.cost.plan import Batch, Plan
from llmopt.cost.spec.columns import literal
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.sql import time_column
from llmopt.cost.tables import parquet
from llmopt.cost.typed import STAMPS, TypedRelation

_SPAN = """SELECT file_name, max(num_rows), epoch_us(min(first)), epoch_us(max(last)) FROM (
  SELECT file_name, TRY_CAST(stats_min_value AS TIMESTAMPTZ) AS first, TRY_CAST(stats_max_value AS TIMESTAMPTZ) AS last
  FROM parquet_metadata([{files}]) WHERE path_in_schema = {column}
) JOIN (SELECT file_name, num_rows FROM parquet_file_metadata([{files}])) USING (file_name)
GROUP BY file_name HAVING count(first) = count(*) AND count(last) = count(*)"""


def leave_out(connection: duckdb.DuckDBPyConnection, batches: list[Batch], plan: Plan) -> int:
    """Take Parquet files out of their batches that have no row in the period; return their number of rows.

    Files of a format whose records have to do with each other stay: one outside may tell something of one inside.
    """
    if plan.since_us is None and plan.until_us is None:
        return 0
    rows = 0
    for batch in batches:
        if batch.kind == "parquet" and not any(map(_looks_around, batch.specs)):
            columns = parquet(connection, *batch.sources).columns
            column = time_column(batch.specs[0], TypedRelation(columns))
            if column and columns[column].upper() in STAMPS:
                rows += _without(connection, batch, column, plan)
    return rows


def _without(connection: duckdb.DuckDBPyConnection, batch: Batch, column: str, plan: Plan) -> int:
    files = ", ".join(literal(source.path) for source in batch.sources)
    spans = connection.execute(_SPAN.format(files=files, column=literal(column))).fetchall()
    outside = {path: rows for path, rows, first_us, last_us in spans if _is_outside(first_us, last_us, plan)}
    batch.sources = [source for source in batch.sources if source.path not in outside]
    return sum(outside.values())


def _is_outside(first_us: int, last_us: int, plan: Plan) -> bool:
    # What is finer than a microsecond may be rounded up.
    before = plan.since_us is not None and last_us + 1 < plan.since_us
    return before or (plan.until_us is not None and first_us >= plan.until_us)


def _looks_around(spec: Spec) -> bool:
    return bool(spec.carries or spec.dedupe or spec.tree)
