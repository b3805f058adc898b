"""What `--check` finds out without connecting to anything."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.serving.cache.stores.sqlite import SqliteStore
from llmopt.serving.gateway.config.settings import CacheSettings, GatewayConfig, UpstreamSettings, VirtualKey
from llmopt.serving.gateway.planning.plan import Plan, planned
from llmopt.serving.gateway.planning.prices import PlannedPrice
from llmopt.serving.gateway.planning.words import spends_for_strangers, started, usd_in_words
from llmopt.serving.gateway.spend.sqlite_spend import SqliteSpend
from llmopt.serving.gateway.values import Caps

HERE = UpstreamSettings("http://localhost:8000")
OPENAI = UpstreamSettings("https://api.openai.com/v1", "openai", "OPENAI_API_KEY", ("gpt-4o", "gpt-5*"))
PLAIN = GatewayConfig((HERE,))
KEY = VirtualKey("care", "0" * 64, "care-team", Caps(Decimal("2.5")))
CAPS = Caps(usd_per_month=Decimal(1000))
POLICY = '[routes]\ncheap = "gpt-4o-mini"\nhouse = "house-7b"\n'


def on(plan: Plan) -> list[str]:
    return [stage.name for stage in plan.stages if stage.on]


def faults(config: GatewayConfig, **environ: str) -> list[str]:
    return [fault.message for fault in planned(config, environ).faults]


def test_a_plain_gateway() -> None:
    plan = planned(PLAIN, {})
    assert on(plan) == ["authenticate", "cache", "upstream", "meter", "store"]
    assert [stage.name for stage in plan.stages] == [
        "authenticate",
        "admit",
        "cache",
        "route",
        "compress",
        "upstream",
        "meter",
        "store",
    ]
    assert (plan.faults, plan.warnings, plan.keys, plan.prices) == ((), (), (), ())
    assert [(one.url, one.key) for one in plan.upstreams] == [("http://localhost:8000/v1", "the caller's")]


def test_everything_is_on(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('default = "cheap"\n' + POLICY, encoding="utf-8")
    config = GatewayConfig(
        (HERE, OPENAI),
        keys=(KEY, VirtualKey("press", "1" * 64, "press")),
        caps=CAPS,
        policy=policy,
        compress="safe",
        metric_models=("gpt-4o", "claude-sonnet-4-5"),
    )
    plan = planned(config, {"OPENAI_API_KEY": "sk-secret"})
    assert len(on(plan)) == 8
    assert not plan.faults
    assert [(key.tenant, key.usd_per_day, key.usd_per_month) for key in plan.keys] == [
        ("care-team", Decimal("2.5"), Decimal(1000)),
        ("press", None, Decimal(1000)),
    ]
    assert [one.key for one in plan.upstreams] == ["none", "OPENAI_API_KEY"]
    assert [(price.model, price.named_by, price.provider) for price in plan.prices] == [
        ("gpt-4o", "upstream openai", "openai"),
        ("gpt-4o-mini", "route cheap", "openai"),
        ("house-7b", "route house", ""),
        ("claude-sonnet-4-5", "metric_models", "anthropic"),
    ]
    assert plan.prices[0] == PlannedPrice("gpt-4o", "upstream openai", "openai", Decimal("2.5"), Decimal(10))
    assert [warning.partition(":")[0] for warning in plan.warnings] == [
        "upstream default gets no key",
        "spending is counted in memory",
        "no price is known for house-7b",
    ]
    assert "sk-secret" not in repr(plan)


def test_keys_of_one_tenant_with_different_caps_may_not_be_meant() -> None:
    second = VirtualKey("care-2", "1" * 64, "care-team", Caps(Decimal(3)))
    config = GatewayConfig((OPENAI,), keys=(KEY, second, VirtualKey("press", "2" * 64, "press")))
    told = "keys care, care-2 of tenant care-team have different caps: each is held against all that care-team spends"
    assert told in planned(config, {}).warnings
    same = replace(second, caps=KEY.caps)
    assert not any("different" in each for each in planned(replace(config, keys=(KEY, same)), {}).warnings)


def test_several_workers_may_mix_up_what_they_write_to_a_pipe() -> None:
    (warning,) = planned(replace(PLAIN, workers=2, cache=None, log=Path("-")), {}).warnings
    assert "a file keeps them whole" in warning
    assert planned(replace(PLAIN, cache=None, log=Path("-")), {}).warnings == ()


def test_a_key_that_is_not_there_is_a_fault() -> None:
    config = GatewayConfig((OPENAI, replace(OPENAI, name="second", api_key_env="SECOND")))
    assert faults(config) == ["upstream 'openai': OPENAI_API_KEY is not set", "upstream 'second': SECOND is not set"]
    assert faults(config, OPENAI_API_KEY="a", SECOND="b") == []


def test_files_that_cannot_be_read_are_faults(tmp_path: Path) -> None:
    policy, prices = tmp_path / "policy.toml", tmp_path / "prices.json"
    policy.write_text("[routes]\n", encoding="utf-8")
    prices.write_text("{", encoding="utf-8")
    found = faults(replace(PLAIN, policy=policy, prices=(prices,)))
    assert len(found) == 2
    assert str(prices) in found[0]
    assert str(policy) in found[1]


def test_a_route_that_nobody_answers_is_a_fault(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('default = "cheap"\n' + POLICY, encoding="utf-8")
    config = GatewayConfig((replace(OPENAI, api_key_env="", models=("gpt-4o*",)),), policy=policy)
    assert faults(config) == [f"{policy}: no upstream answers 'house-7b', the model of route 'house'"]
    assert faults(replace(config, upstreams=(*config.upstreams, HERE))) == []


@pytest.mark.parametrize("what", ["log", "spend_store", "cache"])
def test_a_place_that_cannot_be_written_is_a_fault(tmp_path: Path, what: str) -> None:
    def faults_at(path: Path) -> list[str]:
        value = {"log": path, "spend_store": str(path), "cache": CacheSettings(str(path))}[what]
        return faults(replace(PLAIN, **{what: value}))  # type: ignore[arg-type]

    (tmp_path / "file").touch()
    for path, reason in (
        (tmp_path / "file" / "below", "Not a directory"),
        (tmp_path, "" if what == "cache" else "Is a directory"),
        (tmp_path / ("a" * 300), "File name too long"),
    ):
        (found,) = faults_at(path)
        assert str(path) in found
        assert reason in found
    assert len(faults_at(tmp_path / "no" / "such" / "file")) == (1 if what == "log" else 0)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_the_log_may_go_to_stdout_and_spending_into_a_database_only(tmp_path: Path) -> None:
    assert faults(replace(PLAIN, log=Path("-"))) == []
    path = tmp_path / "spent.db"
    path.write_text("no database", encoding="utf-8")
    assert "is something else" in faults(replace(PLAIN, spend_store=str(path)))[0]
    path.write_bytes(b"")
    assert faults(replace(PLAIN, spend_store=str(path))) == []
    SqliteSpend(path)
    assert faults(replace(PLAIN, spend_store=str(path))) == []
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE orders (id)")
    assert "is something else" in faults(replace(PLAIN, spend_store=str(other)))[0]


def test_a_pipe_is_no_database_and_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert faults(replace(PLAIN, spend_store=str(pipe))) == [
        f"{pipe} is something else, so spending cannot be counted in it"
    ]


def test_a_server_that_counts_spending_is_looked_at_as_well() -> None:
    wrong = "redis://h:99999999/0"
    assert len(faults(replace(PLAIN, spend_store=wrong))) == 1
    assert len(faults(replace(PLAIN, spend_store=wrong, cache=CacheSettings(wrong)))) == 1
    assert faults(replace(PLAIN, spend_store="redis://h:1/0")) == []


def test_a_store_is_looked_at_and_left_as_it_is(tmp_path: Path) -> None:
    fresh, kept, other = tmp_path / "fresh.db", tmp_path / "kept.db", tmp_path / "other.db"
    SqliteStore(kept).close()
    other.write_text("no database", encoding="utf-8")
    assert faults(replace(PLAIN, cache=CacheSettings(str(fresh)))) == []
    assert not fresh.exists()
    assert faults(replace(PLAIN, cache=CacheSettings(str(kept)))) == []
    assert str(other) in faults(replace(PLAIN, cache=CacheSettings(str(other))))[0]
    assert other.read_text(encoding="utf-8") == "no database"


def test_a_server_is_not_asked() -> None:
    config = replace(PLAIN, cache=CacheSettings("redis://ada:secret@127.0.0.1:1/0"), spend_store="redis://127.0.0.1:1")
    plan = planned(config, {})
    assert not plan.faults
    assert "secret" not in repr(plan)


@pytest.mark.parametrize(
    ("config", "warning"),
    [
        (
            replace(PLAIN, upstreams=(OPENAI,), host="0.0.0.0"),
            "whoever reaches 0.0.0.0 spends the key in OPENAI_API_KEY",
        ),
        (replace(PLAIN, workers=2), "each of the 2 workers has its own"),
        (replace(PLAIN, upstreams=(HERE, replace(HERE, name="b"))), "upstream b answers nothing: default takes all"),
        (replace(PLAIN, route_models=("gpt-4o",)), "route_models without a policy"),
        (replace(PLAIN, total_caps=CAPS, spend_store="x.db"), "one of them can use them up"),
        (replace(PLAIN, caps=CAPS, spend_store="x.db", metric_models=("nobody-1",)), "and no cap stops it"),
    ],
    ids=["stranger", "workers", "second", "route", "total", "price"],
)
def test_what_may_not_be_meant_is_said(workdir: Path, config: GatewayConfig, warning: str) -> None:
    assert [warning in one for one in planned(config, {"OPENAI_API_KEY": "a"}).warnings] == [True]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.9"])
def test_on_loopback_no_stranger_spends(host: str) -> None:
    assert spends_for_strangers(replace(PLAIN, upstreams=(OPENAI,), host=host)) == ""
    assert spends_for_strangers(replace(PLAIN, upstreams=(OPENAI,), host="gateway.internal")) == "OPENAI_API_KEY"
    assert spends_for_strangers(replace(PLAIN, upstreams=(OPENAI,), host="0.0.0.0", keys=(KEY,))) == ""
    inside = replace(HERE, url="http://u:secret@h/v1")
    assert spends_for_strangers(replace(PLAIN, upstreams=(inside,), host="::")) == "the URL of default"


def test_the_line_of_the_start_tells_what_is_on(tmp_path: Path) -> None:
    assert started(PLAIN, "http://127.0.0.1:1") == (
        "gateway on http://127.0.0.1:1 for http://localhost:8000/v1 (cache memory)"
    )
    full = GatewayConfig(
        (replace(HERE, url="http://u:secret@h/v1"), OPENAI),
        keys=(KEY,),
        cache=None,
        policy=Path("p.toml"),
        compress="safe",
        log=Path("-"),
        workers=2,
    )
    assert started(full, "U") == (
        "gateway on U for http://h/v1, https://api.openai.com/v1 "
        "(no cache, policy p.toml, compress safe, 1 key, caps, log -, 2 workers)"
    )


@pytest.mark.parametrize(
    ("usd", "words"), [("5.5", "$5.50"), ("0.075", "$0.075"), ("1000", "$1,000.00"), ("1E+3", "$1,000.00")]
)
def test_dollars_are_exact(usd: str, words: str) -> None:
    assert usd_in_words(Decimal(usd)) == words
