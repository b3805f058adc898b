"""`llmopt cost --engine spark` prints what it prints on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import Llmopt
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.xdist_group("spark")
LOGS = [ROOT / "samples" / name for name in ("openai-chat.jsonl", "claude-code", "generic.parquet")]


@pytest.mark.parametrize("format", ["table", "json", "csv"])
def test_the_report_is_the_same(llmopt: Llmopt, spark: SparkSession, format: str) -> None:
    asked = ("cost", *LOGS, "--by", "model,day", "--format", format)
    here, there = llmopt(*asked), llmopt(*asked, "--engine", "spark", "--master", "local[2]")
    assert (there.code, there.out) == (0, here.out)


def test_another_master_than_that_of_an_open_session(llmopt: Llmopt, spark: SparkSession) -> None:
    done = llmopt("cost", *LOGS, "--engine", "spark", "--master", "local[1]")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("llmopt: error: a Spark session on local[2] is open in this process already")
