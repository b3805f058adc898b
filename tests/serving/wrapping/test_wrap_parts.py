"""What a wrapped client can be given: caches, policies, levels, metrics, logs; and what it cannot."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openai import InternalServerError, OpenAI
from prometheus_client import CollectorRegistry

from llmopt.cost.api import price_logs
from llmopt.errors import ConfigError, UsageError
from llmopt.serving.cache.stores.memory import MemoryStore
from llmopt.serving.cache.stores.sqlite import SqliteStore
from llmopt.serving.mock_upstream.behaviour import Behaviour
from llmopt.serving.routing.policy import load_policy
from llmopt.serving.routing.router import Router
from llmopt.serving.wrapping.wrap import wrap
from tests.serving.wrapping.clients import ASKED, MODEL, Wrapped, text_of

POLICY = """
default = "strong"

[routes]
cheap = "gpt-4o-mini"
strong = "gpt-4o"

[[rule]]
name = "short"
question_tokens_below = 60
route = "cheap"

[fallback.chains]
cheap = ["strong"]
"""


def ask(client: OpenAI, **more: Any) -> Any:
    asked = {"model": "gpt-4o", "messages": ASKED, "temperature": 0, **more}
    return client.chat.completions.with_raw_response.create(**asked)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


def models_asked(world: Wrapped) -> list[str]:
    return [json.loads(each.body)["model"] for each in world.mock.requests]


@pytest.mark.parametrize("kind", ["file", "policy", "router"])
def test_a_policy_decides_which_model_answers(world: Wrapped, policy: Path, kind: str) -> None:
    given: Any = {"file": policy, "policy": load_policy(policy), "router": Router(load_policy(policy))}[kind]
    with world.openai(router=given, cache=True) as client:
        short, again = ask(client), ask(client)
        ask(client, messages=[{"role": "user", "content": "word " * 400}])
    assert short.headers["x-llmopt-route"].startswith('cheap;model="gpt-4o-mini"')
    assert again.headers["x-llmopt-cache"] == "hit"
    assert models_asked(world) == ["gpt-4o-mini", "gpt-4o"]
    first = world.noted[0]
    assert (first.asked_model, first.model, first.route, first.rule) == ("gpt-4o", "gpt-4o-mini", "cheap", "short")
    assert first.saved_usd["route"] == Decimal("0.000150") - Decimal("0.000009")


def test_only_the_models_name_is_changed(world: Wrapped, policy: Path) -> None:
    with world.plain() as plain, world.openai(router=policy) as client:
        ask(plain)
        ask(client)
    as_before, now = world.mock.requests
    assert now.body == as_before.body.replace(b'"gpt-4o"', b'"gpt-4o-mini"')
    assert now.header("content-length") == str(len(now.body))
    assert now.header("authorization") == as_before.header("authorization")


def test_the_next_route_is_asked_where_one_fails(world: Wrapped, policy: Path) -> None:
    policy.write_text(POLICY.replace("gpt-4o-mini", "mock-status-503"))
    with world.openai(router=policy) as client:
        assert ask(client).parse().choices
        assert text_of(client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True))
    assert models_asked(world) == ["mock-status-503", "gpt-4o"] * 2
    assert [(each.status, each.attempts, each.model, each.route) for each in world.noted] == [
        (200, 2, "gpt-4o", "strong")
    ] * 2


def test_a_route_that_is_too_slow_makes_way_for_the_next(world: Wrapped, policy: Path) -> None:
    policy.write_text(POLICY.replace('"gpt-4o-mini"', '{model = "mock-hang-head", timeout_s = 0.5}'))
    with world.openai(router=policy) as client:
        assert ask(client).parse().choices
    assert models_asked(world) == ["mock-hang-head", "gpt-4o"]
    assert world.mock.wait_for(lambda stats: stats.cancelled == 1)


def test_the_last_failure_is_the_callers_where_no_route_answers(world: Wrapped, policy: Path) -> None:
    world.mock.behaviour = Behaviour(status=503)
    with world.openai(router=policy) as client, pytest.raises(InternalServerError):
        ask(client)
    assert len(models_asked(world)) == 2
    assert (world.last.status, world.last.error, len(world.noted)) == (503, "overloaded", 1)


def test_texts_are_compressed(world: Wrapped) -> None:
    text = "Please could you kindly tell me,   in order to help:\n\n\n\n" + "what is the   capital of France? " * 20
    with world.openai(compress="lossless", cache=True) as client:
        for _ in range(2):
            ask(client, messages=[{"role": "user", "content": text}], stream=True, stream_options={}).parse()
            ask(client, messages=[{"role": "user", "content": text}])
    sent = json.loads(world.mock.requests[0].body)
    assert len(sent["messages"][0]["content"]) < len(text)
    assert sent["stream_options"] == {"include_usage": True}
    assert world.noted[0].compressed_tokens > 0
    assert world.noted[0].saved_usd["compress"] > 0


def test_signed_requests_stay_as_they_are(world: Wrapped, policy: Path) -> None:
    with world.plain() as plain, world.openai(router=policy, compress="safe") as client:
        for each in (plain, client):
            signed = {"authorization": "AWS4-HMAC-SHA256 Credential=x"}
            text_of(each.chat.completions.create(model=MODEL, messages=ASKED, stream=True, extra_headers=signed))
    assert world.mock.requests[0].body == world.mock.requests[1].body
    assert world.last.cost_usd is not None


@pytest.mark.parametrize("kind", ["name", "path", "store", "memory"])
def test_stores_by_name_and_as_objects(world: Wrapped, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "cache.db"
    given: Any = {"name": str(file), "path": file, "store": SqliteStore(file), "memory": MemoryStore()}[kind]
    with world.openai(cache=given) as client:
        ask(client)
        ask(client)
    assert [each.cache for each in world.noted] == ["miss", "hit"]
    if kind in ("name", "path"):
        with world.openai(cache=given) as client:
            ask(client)
        assert world.last.cache == "hit"
    close = getattr(given, "close", None)
    if close is not None:
        close()


def test_the_log_says_what_the_headers_said(world: Wrapped, tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    with world.openai(log=log, cache=True, tags={"team": "care"}) as client:
        told = [ask(client, seed=seed // 2).headers["x-llmopt-cost-usd"] for seed in range(6)]
        text_of(client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == 7
    assert all("sk-" not in str(line) for line in lines)
    report = price_logs([log])
    assert report.total.cost_usd == sum(map(Decimal, told)) + Decimal("0.000150")


def test_metrics_of_two_clients_in_one_registry(world: Wrapped) -> None:
    registry = CollectorRegistry()
    for _ in range(2):
        with world.openai(metrics=registry, cache=True, tenant="x") as client:
            ask(client)
            ask(client)
    spent = {
        sample.labels.get("model", sample.labels.get("gen_ai_request_model")): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "llmopt_cost_usd_total"
    }
    assert sum(spent.values()) == pytest.approx(0.0003)


def test_an_observer_is_taken_as_it_is(world: Wrapped) -> None:
    class Counting:
        under_way = calls = 0

        def begun(self) -> None:
            self.under_way += 1

        def ended(self) -> None:
            self.under_way -= 1

        def note(self, metered: object) -> None:
            self.calls += 1

    counting = Counting()
    with world.openai(metrics=counting, cache=True) as client:
        ask(client)
        stream = client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True)
        assert counting.under_way == 1
        text_of(stream)
    assert (counting.under_way, counting.calls) == (0, 2)


def test_a_log_that_fails_harms_no_call(world: Wrapped, caplog: pytest.LogCaptureFixture) -> None:
    def broken(metered: object) -> None:
        raise ValueError("no disk")

    with world.openai(log=broken) as client:
        assert ask(client).parse().choices
    assert "has failed" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cache": 7}, "cache is a int"),
        ({"router": 7}, "router is a int"),
        ({"log": 7}, "log is a int"),
        ({"metrics": "yes"}, "metrics is a str"),
        ({"compress": "much"}, "much"),
        ({"cache": "ftp://x"}, "no kind of store"),
    ],
    ids=["cache", "router", "log", "metrics", "level", "store"],
)
def test_arguments_that_make_no_sense(arguments: dict[str, Any], message: str) -> None:
    with OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1") as client, pytest.raises(UsageError, match=message):
        wrap(client, **arguments)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1") as client, pytest.raises(ConfigError, match=r"no\.toml"):
        wrap(client, router=tmp_path / "no.toml")


@pytest.mark.parametrize(
    "client", [None, object(), OpenAI, "http://x", json], ids=["none", "object", "class", "text", "json"]
)
def test_what_is_no_client(client: object) -> None:
    with pytest.raises(UsageError, match="cannot be wrapped"):
        wrap(client)
