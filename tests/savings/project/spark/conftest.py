"""The session and the command line that the tests of pricing have: there is one Spark for all tests of a worker."""

from __future__ import annotations

from tests.cli.conftest import llmopt as llmopt
from tests.cost.spark.conftest import spark as spark
