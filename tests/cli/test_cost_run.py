"""Which engine `llmopt cost` hands the work to, and with what."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llmopt.cost import api
from llmopt.cost.result import CostReport
from llmopt.errors import MissingExtraError
from tests.cli.conftest import Llmopt
from tests.cost.reports import group, report_of

REPORT = report_of(group("gpt-4o", "21.5", 9000))


class Engines:
    """Stands in for the modules of all engines; remembers how each was called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.error: Exception | None = None
        for module, name in (
            ("llmopt.cost.spark.run", "price_on_spark"),
            ("llmopt.cost.state.run", "price_with_state"),
            ("llmopt.cost.given", "Query"),
        ):
            fake = ModuleType(module)
            fake.__dict__[name] = self.called(name)
            monkeypatch.setitem(sys.modules, module, fake)
        monkeypatch.setattr(api, "price_logs", self.called("price_logs"))

    def called(self, name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> CostReport | str:
            self.calls.append((name, arguments, options))
            if self.error is not None:
                raise self.error
            return "the query" if name == "Query" else REPORT

        return call


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch, workdir: Path) -> Engines:
    return Engines(monkeypatch)


def test_paths_go_to_this_machine(engines: Engines, llmopt: Llmopt) -> None:
    assert llmopt("cost", "s3://bucket/day=*/", "az://c/x.jsonl", "a.jsonl").code == 0
    ((name, arguments, _),) = engines.calls
    assert (name, arguments) == ("price_logs", (["s3://bucket/day=*/", "az://c/x.jsonl", "a.jsonl"],))


def test_spark_gets_the_paths_the_master_and_the_options(engines: Engines, llmopt: Llmopt) -> None:
    outcome = llmopt("cost", "logs", "--engine", "spark", "--master", "local[2]", "--by", "day")
    assert outcome.code == 0
    assert "$21.50 for 10 requests" in outcome.out
    ((name, arguments, options),) = engines.calls
    assert (name, arguments) == ("price_on_spark", (["logs"], "local[2]"))
    assert options["by"] == ("day",)
    assert set(options) == {
        *("by", "since", "until", "as_of", "input_format", "mapping", "format_specs", "prices", "deployments"),
        *("cached", "dedupe", "jobs", "memory_bytes", "dearest", "daily"),
    }


def test_the_engine_may_be_a_setting(engines: Engines, llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPT_COST_ENGINE", "spark")
    monkeypatch.setenv("LLMOPT_COST_MASTER", "spark://host:7077")
    llmopt("cost", "logs")
    llmopt("cost", "logs", "--engine", "local")
    assert [(name, arguments[1:]) for name, arguments, _ in engines.calls] == [
        ("price_on_spark", ("spark://host:7077",)),
        ("price_logs", ()),
    ]


def test_a_state_gets_its_folder_and_the_days_to_read_again(
    engines: Engines, llmopt: Llmopt, capsys: pytest.CaptureFixture[str]
) -> None:
    llmopt("cost", "logs", "--state", "kept", "--rebuild", "2026-11-01", "--rebuild", "2026-11-03")
    ((name, arguments, options),) = engines.calls
    assert (name, arguments) == ("price_with_state", (["logs"], Path("kept")))
    assert options["rebuild"] == ("2026-11-01", "2026-11-03")
    options["tell"]("files: 2 new")
    assert capsys.readouterr().err == "llmopt: files: 2 new\n"
    llmopt("cost", "logs", "--state", "kept", "-q")
    engines.calls[1][2]["tell"]("files: none new")
    assert capsys.readouterr().err == ""


def test_a_query_is_priced_in_the_place_of_paths(engines: Engines, llmopt: Llmopt) -> None:
    llmopt("cost", "--sql", "SELECT * FROM calls", "--db", "app.sqlite", "--map", "engine=model")
    (asked, query, _), (priced, paths, options) = engines.calls
    assert (asked, query) == ("Query", ("SELECT * FROM calls", "app.sqlite"))
    assert (priced, paths) == ("price_logs", ("the query",))
    assert options["mapping"] == {"engine": "model"}


def test_a_missing_extra_is_named(engines: Engines, llmopt: Llmopt) -> None:
    engines.error = MissingExtraError("pyspark", "spark")
    outcome = llmopt("cost", "logs", "--engine", "spark")
    assert (outcome.code, outcome.err) == (
        2,
        "llmopt: error: pyspark is not installed\nllmopt: hint: pip install 'llmopt[spark]'\n",
    )


@pytest.mark.parametrize("arguments", [("--engine", "spark"), ("--state", "kept")])
def test_limits_hold_for_every_engine(arguments: tuple[str, ...], engines: Engines, llmopt: Llmopt) -> None:
    outcome = llmopt("cost", "logs", *arguments, "--max-cost", "1")
    assert outcome.code == 1
    assert "$21.50 for 10 requests" in outcome.out
