"""Say in words what went wrong in Spark, and nothing where nothing did."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from llmopt.errors import ConfigError, LlmoptError, MissingExtraError

try:
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # it has no types
    from pyspark.errors import PySparkException
except ImportError as error:
    raise MissingExtraError(error.name or "pyspark", "spark") from error

FAILURES: tuple[type[Exception], ...] = (PySparkException, Py4JError)
"""What Spark raises, in this process and from Java."""
_LACKS = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '([\w.]+)'")
_SAME = "install the driver's `llmopt[spark]` on every worker, or name a Python that has it with PYSPARK_PYTHON"
_CAUSE = re.compile(r"^(?:Caused by: )?([\w.]*(?:Error|Exception)): (.+)$", re.MULTILINE)


@contextmanager
def told() -> Iterator[None]:
    """Raise what Spark raises as an error of llmopt.

    Raises:
        ConfigError: a job failed: workers that lack a package or have another Python, lost workers, too little memory.
    """
    with without_pandas_warning():
        try:
            yield
        except FAILURES as error:
            raise explained(str(error)) from error


@contextmanager
def without_pandas_warning() -> Iterator[None]:
    """Keep quiet that pyspark does not support pandas 3 in full, which it says at many places; no pandas is used."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


def explained(text: str) -> LlmoptError:
    """Return what the text of an error of Spark comes down to."""
    if lacks := _LACKS.search(text):
        return ConfigError(f"a Spark worker lacks the package {lacks[1].partition('.')[0]!r}", _SAME)
    if "PYTHON_VERSION_MISMATCH" in text:
        return ConfigError("the Spark workers run another version of Python than the driver", _SAME)
    if "Cannot run program" in text:
        return ConfigError("a Spark worker does not find its Python", "name it with PYSPARK_PYTHON")
    causes = _CAUSE.findall(text)
    cause = f"{causes[-1][0].rpartition('.')[2]}: {causes[-1][1]}" if causes else text.strip().split("\n")[0]
    return ConfigError(f"the Spark job failed: {cause}", "the log of its executors says more")
