"""Errors of Spark come down to what the user can do about them."""

from __future__ import annotations

import pytest

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")

from llmopt.cost.spark.check import FAILURES, explained, told
from llmopt.errors import ConfigError

TRACE = """An exception was thrown from the Python worker:
Traceback (most recent call last):
  File "worker.py", line 1, in read_udfs
    import x
{}
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TRACE.format("ModuleNotFoundError: No module named 'pyarrow.lib'"), "lacks the package 'pyarrow'"),
        (TRACE.format("pyspark.errors.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python in"), "another version"),
        ('java.io.IOException: Cannot run program "python9": error=2', "does not find its Python"),
        (TRACE.format("MemoryError: no room\nOSError: disk full"), "job failed: OSError: disk full"),
        ("Job 3 cancelled\n at x", "job failed: Job 3 cancelled"),
    ],
)
def test_what_a_text_comes_down_to(text: str, message: str) -> None:
    error = explained(text)
    assert isinstance(error, ConfigError)
    assert message in error.message
    assert error.hint


def test_only_errors_of_spark_are_translated() -> None:
    with pytest.raises(ConfigError, match="the Spark job failed: it broke"), told():
        raise FAILURES[-1]("it broke")
    with pytest.raises(ZeroDivisionError), told():
        raise ZeroDivisionError
