"""`llmopt cache`: what is asked arrives, what is wrong is said in one line, and checks end in exit code 1."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt.cli import cache_audit
from llmopt.cli.cache_audit import checks
from llmopt.core.check import failures
from llmopt.savings import caching
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT
from tests.report.cache_results import AUDIT, SIMULATION

UNBOUNDED = replace(SIMULATION, settings=SIMULATION.settings[2:])


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Figures that are known; returns what was asked for."""
    asked: dict[str, Any] = {"result": UNBOUNDED}

    def simulate(paths: list[str], **options: Any) -> caching.CacheSimulation:
        asked.update(options, paths=paths)
        result: caching.CacheSimulation = asked["result"]
        return result

    monkeypatch.setattr(caching, "simulate", simulate)
    return asked


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    asked: dict[str, Any] = {}

    def audit(pairs: object, embed: object, thresholds: object, *, guard: bool) -> object:
        asked.update(pairs=pairs, embed=embed, thresholds=thresholds, guard=guard)
        return AUDIT

    monkeypatch.setattr(cache_audit, "audit", audit)
    monkeypatch.setattr(cache_audit, "read_pairs", lambda paths: tuple(paths))
    monkeypatch.setattr(cache_audit, "_embedder", lambda model, device: (model, device))
    return asked


def test_what_is_asked_of_a_simulation_arrives(llmopt: Llmopt, simulated: dict[str, Any], workdir: Path) -> None:
    assert llmopt("cache", "simulate", "logs", "more.jsonl").code == 0
    assert simulated["paths"] == ["logs", "more.jsonl"]
    assert (simulated["ttls_s"], simulated["sizes_bytes"]) == ((3_600.0, 86_400.0, 604_800.0), (None,))
    assert (simulated["tenant"], simulated["cache_sampled"], simulated["as_of"]) == ("team", False, None)
    options = ("--ttl", "1w, 90s,60m,1h", "--size", "1GB,Unbounded,64MB", "--tenant-by", "none", "--cache-sampled")
    more = ("--map", "q=prompt", "--since", "2026-03-02", "--until", "2026-03-08")
    assert llmopt("cache", "simulate", "logs", *options, *more).code == 0
    assert (simulated["ttls_s"], simulated["sizes_bytes"]) == ((90.0, 3_600.0, 604_800.0), (64_000_000, 10**9, None))
    assert (simulated["tenant"], simulated["cache_sampled"]) == ("", True)
    assert simulated["mapping"] == {"q": "prompt"}
    assert (simulated["since"], simulated["until"]) == (
        datetime(2026, 3, 2, tzinfo=UTC),
        datetime(2026, 3, 9, tzinfo=UTC),
    )


def test_settings_of_a_simulation(
    llmopt: Llmopt, simulated: dict[str, Any], workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("llmopt.toml").write_text('format = "json"\n[cache.simulate]\nttl = "2d"\ntenant-by = "user"\n')
    monkeypatch.setenv("LLMOPT_CACHE_SIMULATE_SIZE", "1MB")
    outcome = llmopt("cache", "simulate", "logs")
    assert json.loads(outcome.out)["schema"] == "llmopt.cache.simulate/1"
    assert (simulated["ttls_s"], simulated["sizes_bytes"], simulated["tenant"]) == ((172_800.0,), (10**6,), "user")


def test_a_traffic_per_day(llmopt: Llmopt, simulated: dict[str, Any], workdir: Path) -> None:
    found = json.loads(llmopt("cache", "simulate", "logs", "--per-day", "1000", "--format", "json").out)
    assert found["projection"]["before_usd"] == "20"
    assert Decimal(found["projection"]["saved_usd"]) == Decimal("14.303456789") / 2
    assert Decimal(found["projection"]["saved_year_usd"]) == Decimal("14.303456789") / 2 * 365
    simulated["result"] = replace(UNBOUNDED, simulated=0)
    assert (
        json.loads(llmopt("cache", "simulate", "logs", "--per-day", "1", "--format", "json").out)["projection"] is None
    )


def test_a_saving_that_is_too_small(llmopt: Llmopt, simulated: dict[str, Any], workdir: Path) -> None:
    assert llmopt("cache", "simulate", "logs", "--min-saving", "35%").code == 0
    outcome = llmopt("cache", "simulate", "logs", "--min-saving", "36%", "-o", "out.json")
    assert outcome.code == 1
    line = "the best setting saves 35.8% of the bill, under --min-saving 36.0%"
    assert f"llmopt: check failed: {line}\n" in outcome.err
    assert json.loads(Path("out.json").read_text())["failed_checks"] == [line]


def test_without_prices_a_saving_is_unknown(llmopt: Llmopt, simulated: dict[str, Any], workdir: Path) -> None:
    free = tuple(replace(one, saved_usd=Decimal(0), shared_usd=Decimal(0)) for one in UNBOUNDED.settings)
    simulated["result"] = replace(UNBOUNDED, cost_usd=Decimal(0), unpriced=2_000, settings=free)
    outcome = llmopt("cache", "simulate", "logs", "--min-saving", "1%", "--per-day", "1000")
    assert outcome.code == 1
    line = "what the best setting saves is not known: no request has a price (--min-saving 1.0%)"
    assert outcome.err == f"llmopt: check failed: {line}\n"
    assert "a day like these" not in outcome.out


def test_strict_lets_nothing_unknown_pass(llmopt: Llmopt, simulated: dict[str, Any], workdir: Path) -> None:
    outcome = llmopt("cache", "simulate", "logs", "--strict")
    assert outcome.code == 1
    assert outcome.err.splitlines() == [
        "llmopt: check failed: 300 requests not simulated: the log does not hold what was asked, "
        "first at logs/b.jsonl.gz:17 (--strict)",
        "llmopt: check failed: 7 requests without a price (--strict)",
        "llmopt: check failed: 3 records rejected: not JSON, first at logs/a.jsonl:77 (--strict)",
        "llmopt: check failed: warning: gpt-5: no priority price known (--strict)",
    ]
    simulated["result"] = replace(UNBOUNDED, left_out=UNBOUNDED.left_out[:1], unpriced=0, rejected=(), warnings=())
    assert llmopt("cache", "simulate", "logs", "--strict").code == 0


def test_a_tenant_that_nobody_names_is_a_warning(llmopt: Llmopt, simulated: dict[str, Any], workdir: Path) -> None:
    nameless = tuple(replace(one, name=None) for one in UNBOUNDED.tenants[:1])
    simulated["result"] = replace(UNBOUNDED, tenants=nameless, left_out=(), unpriced=0, rejected=(), warnings=())
    outcome = llmopt("cache", "simulate", "logs", "--strict")
    assert outcome.code == 0
    assert "\nNo record names a team: all are taken for one.\n" in outcome.out
    simulated["result"] = replace(simulated["result"], tenant="tema")
    outcome = llmopt("cache", "simulate", "logs", "--strict")
    assert outcome.code == 1
    assert "warning: No record names a tema: all are taken for one.\n" in outcome.out
    assert outcome.err == "llmopt: check failed: no record names a tema: all are taken for one (--strict)\n"


def test_nothing_readable_is_said_after_the_report(llmopt: Llmopt, simulated: dict[str, Any], workdir: Path) -> None:
    simulated["result"] = replace(UNBOUNDED, requests=0, simulated=0, free=0, aggregated=0, settings=(), tenants=())
    outcome = llmopt("cache", "simulate", "logs")
    assert outcome.code == 2
    assert "The log has no single requests: there is nothing to simulate." in outcome.out
    assert "llmopt: error: no record could be read\n" in outcome.err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--ttl", "1"), "--ttl '1': a duration ends in its unit"),
        (("--ttl", "1h,soon"), "--ttl 'soon': not a duration"),
        (("--ttl", ", "), "--ttl ', ': nothing is named"),
        (("--ttl", "0s"), "--ttl '0s': more than 0 is needed\nllmopt: hint: such as --ttl 1h,24h,7d"),
        (("--ttl", "99999d"), "--ttl '99999d': longer than 100 years"),
        (("--size", "0"), "--size '0': more than 0 bytes are needed"),
        (("--size", "big"), "--size 'big': not a size"),
        (("--per-day", "0"), "--per-day '0': not a whole number of 1 or more"),
        (("--min-saving", "0.1"), "--min-saving '0.1': a percentage ends in %"),
        (("--min-saving", "101%"), "--min-saving '101%': nobody saves more than 100%"),
        (("--since", "yesterday"), "--since 'yesterday'"),
        (("--cached", "some"), "--cached 'some': not one of included, excluded"),
        (("--format", "xml"), "there is no output format 'xml'"),
    ],
)
def test_wrong_options_of_a_simulation(
    llmopt: Llmopt, simulated: dict[str, Any], workdir: Path, options: tuple[str, ...], complaint: str
) -> None:
    outcome = llmopt("cache", "simulate", "logs", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"llmopt: error: {complaint}" in outcome.err
    assert "paths" not in simulated


def test_what_is_asked_of_an_audit_arrives(llmopt: Llmopt, audited: dict[str, Any], workdir: Path) -> None:
    outcome = llmopt("cache", "audit", "a.jsonl", "-", "--model", "models/minilm", "--format", "json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["model"] == "minilm"
    assert audited == {
        "pairs": ("a.jsonl", "-"),
        "embed": ("models/minilm", "cpu"),
        "thresholds": (0.9, 0.95, 0.97, 0.99),
        "guard": True,
    }
    assert (
        llmopt("cache", "audit", "a", "-m", "x", "--no-guard", "--threshold", "0.98,0.95", "--device", "cuda").code == 0
    )
    assert (audited["embed"], audited["thresholds"], audited["guard"]) == (("x", "cuda"), (0.95, 0.98), False)


def test_too_many_false_hits(llmopt: Llmopt, audited: dict[str, Any], workdir: Path) -> None:
    assert llmopt("cache", "audit", "a", "-m", "x", "--max-false-hits", "0").code == 0
    bare = replace(AUDIT, at=tuple(replace(one, guarded_false_hits=None) for one in AUDIT.at))
    assert failures(checks(bare, 9)) == ()
    assert failures(checks(bare, 8)) == ("9 false hits at 0.95, over --max-false-hits 8",)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--threshold", "high"), "--threshold 'high': not a cosine from 0 to 1"),
        (("--threshold", "0.9,1.1"), "--threshold '1.1': not a cosine from 0 to 1"),
        (("--threshold", "nan"), "--threshold 'nan': not a cosine from 0 to 1"),
        (("--max-false-hits", "-1"), "--max-false-hits '-1': not a whole number"),
        (("--top", "x"), "--top 'x': not a whole number"),
    ],
)
def test_wrong_options_of_an_audit(
    llmopt: Llmopt, audited: dict[str, Any], workdir: Path, options: tuple[str, ...], complaint: str
) -> None:
    outcome = llmopt("cache", "audit", "a", "-m", "x", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"llmopt: error: {complaint}" in outcome.err
    assert not audited


def test_a_look_into_a_store_loads_no_query_engine() -> None:
    code = "import sys; from llmopt.cli.main import run; run(sys.argv[1:]); print('\\n', *sys.modules)"
    command = [sys.executable, "-c", code, "cache", "stats", "nowhere.db"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not {"duckdb", "numpy", "pydantic", "redis", "rich", "tiktoken", "torch"} & loaded
