"""Project logs on a Spark cluster: for the levers that look at one question at a time, the dollars of a single machine.

Nothing of Spark is loaded before the function is called.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

if TYPE_CHECKING:
    from llmopt.cost.spark.wire import SparkSession
    from llmopt.savings.project.api import Reading
    from llmopt.savings.project.plan import Plan
    from llmopt.savings.project.result import Projection


def project_paths(
    spark: SparkSession,
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    plan: Plan | str | os.PathLike[str] | Mapping[str, object] | None = None,
    **reading: Unpack[Reading],
) -> Projection:
    """Say what a plan would have saved on the log files behind paths that the driver and all workers see.

    The projection is that of `llmopt.savings.project.api.project`, without curves of the cache and without places where
    prompts part (`break_even`, `divergences`).

    Args:
        spark: a session.
        paths: files, directories (recursive) and globs.
        plan: a plan, the path of a `plan.toml`, or a mapping with the keys of one.
        reading: as for `project`.

    Raises:
        InputError: a path that does not exist or that a worker does not see, or nothing could be read.
        UsageError: a lever that does not partition (a cache with a bounded room, the provider's prompt cache, own
            machines), an unknown format, or texts without usage, whose usage another part of the log may have.
        ConfigError: a wrong plan, spec, mapping or price file; a model of the plan without a price; workers that cannot
            do it, as the hint says.
        MissingExtraError: pyspark or pyarrow is not installed.
    """
    # pyarrow and duckdb take a while to load, which a worker that lacks them shall be able to say.
    from llmopt.savings.project.spark.run import project_files

    return project_files(spark, paths, plan, **reading)
