"""`llmopt project --engine spark` prints what it prints on one machine, as far as a log can be replayed in parts."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llmopt.cost.spark import cluster
from llmopt.errors import ConfigError, InputError
from llmopt.savings.project.parts.limits import UNMEASURED
from llmopt.savings.project.spark import project_paths
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT
from tests.savings.project.cases import write_policy
from tests.savings.project.made_prices import write_prices

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.xdist_group("spark")
LOG = ROOT / "samples" / "projecting" / "agent.jsonl.gz"
ON_SPARK = ("--engine", "spark", "--master", "local[2]")


def test_the_report_is_that_of_one_machine(
    llmopt: Llmopt, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log in ranges, a policy and prices of the user, which the workers get by their content."""
    log = tmp_path / "agent.jsonl"
    log.write_bytes(gzip.decompress(LOG.read_bytes()))
    for name in ("LEAST_PART_BYTES", "MOST_PART_BYTES"):
        monkeypatch.setattr(cluster, name, log.stat().st_size // 2)
    prices = [part for path in write_prices(tmp_path) for part in ("--prices", path)]
    levers = ("--ttl", "1h", "--route", write_policy(tmp_path), "--compress", "safe", "--batch", "night=22-6")
    asked = ("project", log, *levers, *prices, "--format", "json")
    here, there = llmopt(*asked), llmopt(*asked, *ON_SPARK)
    assert (here.code, there.code) == (0, 0)
    assert "curves of a cache" in there.err
    whole = json.loads(here.out)
    assert whole["break_even"] is not None
    for check in whole["checklist"]:
        if check["name"] in UNMEASURED:
            check |= {"potential_usd": None, "say": UNMEASURED[check["name"]]}
    assert json.loads(there.out) == whole | {"break_even": None, "divergences": []}


def test_what_does_not_partition_is_refused_before_anything_is_read(llmopt: Llmopt, tmp_path: Path) -> None:
    for flags, name in (
        (("--ttl", "1h", "--size", "1MB"), "cache.size"),
        (("--prompt-cache", "auto"), "prompt_cache"),
        (("--self-host", str(tmp_path / "bench.json"), "--price-per-hour", "2"), "self_host"),
    ):
        done = llmopt("project", tmp_path / "missing.jsonl", *flags, *ON_SPARK)
        assert (done.code, done.out) == (2, "")
        assert f"({name})" in done.err
        assert "without --engine spark" in done.err


def test_a_plan_file_is_named_where_it_cannot_be_done(llmopt: Llmopt, tmp_path: Path) -> None:
    (tmp_path / "bold.toml").write_text('name = "bold"\nprompt_cache = "auto"\n', encoding="utf-8")
    done = llmopt("project", LOG, "--plan", tmp_path / "bold.toml", *ON_SPARK)
    assert done.code == 2
    assert "plan 'bold'" in done.err


def test_a_master_needs_the_engine(llmopt: Llmopt) -> None:
    done = llmopt("project", LOG, "--ttl", "1h", "--master", "local[2]")
    assert (done.code, done.out) == (2, "")
    assert "--master is for --engine spark" in done.err
    assert llmopt("project", LOG, "--engine", "ray").code == 2


def test_what_workers_find_wrong_is_told(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.jsonl"):
        project_paths(spark, tmp_path / "missing.jsonl")
    with pytest.raises(ConfigError, match="'nobody-9'"):
        project_paths(spark, LOG, {"swap": {"claude-sonnet-4-5": "nobody-9"}})
