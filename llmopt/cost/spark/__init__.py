"""Price logs on a Spark cluster: the same readers run in its tasks, and the report is the one of a single machine.

Nothing of Spark is loaded before one of these functions is called.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from llmopt.cost.result import CostReport


def price_logs(spark: SparkSession, df: DataFrame, **options: Any) -> CostReport:
    """Price the requests in a Spark DataFrame.

    A column of texts called `value`, or the only column if it holds texts, is read as lines of a log (as
    `spark.read.text` gives them). Any other DataFrame is read as a table, as a Parquet file is.

    Args:
        spark: the session that `df` belongs to.
        df: read twice where request ids turn out to repeat; cache it where that costs more than the memory.
        options: as for `llmopt.price_logs`; `jobs` and `memory_bytes` are those of one task (None: 1 and 256 MiB).

    Raises:
        InputError: nothing could be read.
        UsageError: an unknown option, group or format.
        ConfigError: a wrong spec, mapping or price file, or workers that cannot do it; the hint says what they need.
        MissingExtraError: pyspark or pyarrow is not installed.
    """
    # pyarrow and duckdb take a while to load, which a worker that lacks them shall be able to say.
    from llmopt.cost.spark.run import price_frame

    return price_frame(spark, df, **options)


def price_paths(
    spark: SparkSession, paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], **options: Any
) -> CostReport:
    """Price the log files behind paths that the driver and all workers see.

    Large files of lines are read by several tasks. The bytes are those of the files: nothing is decoded by Spark.

    Args:
        spark: a session.
        paths: files, directories (recursive) and globs.
        options: as for `llmopt.price_logs`; `jobs` and `memory_bytes` are those of one task (None: 1 and 256 MiB).

    Raises:
        InputError: a path that does not exist or that a worker does not see, or nothing could be read.
        UsageError: an unknown option, group or format.
        ConfigError: a wrong spec, mapping or price file, or workers that cannot do it; the hint says what they need.
        MissingExtraError: pyspark or pyarrow is not installed.
    """
    # As above.
    from llmopt.cost.spark.run import price_files

    return price_files(spark, paths, **options)
