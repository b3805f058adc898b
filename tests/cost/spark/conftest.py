"""One Spark session on two cores for all tests: Java takes ten seconds to start, and half a gigabyte.

Tests that use it carry `xdist_group("spark")`, so that one worker of `--dist loadgroup` runs them all.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

UNPACKED = ROOT / ".tools" / "java"
"""Where `.ci/get-java` puts a Java runtime."""


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Give the session; CI has what it needs."""
    if "CI" not in os.environ:
        for module in ("pandas", "pyarrow", "pyspark"):
            pytest.importorskip(module, reason="the extra `spark` is not installed")
    from llmopt.cost.spark.check import without_pandas_warning
    from llmopt.cost.spark.session import opened

    with pytest.MonkeyPatch.context() as patch:
        if shutil.which("java") is None and (UNPACKED / "bin" / "java").is_file():
            patch.setenv("JAVA_HOME", str(UNPACKED))
        if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
            told = "there is no java (.ci/get-java gets it)"
            assert "CI" not in os.environ, told
            pytest.skip(told)
        with opened("local[2]") as session:
            with without_pandas_warning():
                session.createDataFrame([(1,)], "number int").collect()  # so that later calls do not warn
            yield session
