"""Where a policy leads requests, and where nobody can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from llmopt.errors import ConfigError
from llmopt.savings.project.levers.routed import UNDECIDED, Routes, routes_of
from llmopt.savings.project.plan import CacheLever, Plan, RoutingLever
from llmopt.serving.routing import Router, load_policy
from llmopt.serving.routing.features import DENSE
from llmopt.serving.routing.weights import Weights, save_weights

ROUTES = '[routes]\ncheap = "gpt-4o-mini"\nstrong = "gpt-4o"\nother = "gpt-4o-mini"\n'


def routes(folder: Path, rules: str, default: str = "strong", tenant: str = "team") -> Routes:
    path = folder / "policy.toml"
    path.write_text(f'default = "{default}"\n{ROUTES}{rules}', encoding="utf-8")
    return Routes(RoutingLever(policy=path), tenant)


def rule(name: str, route: str, condition: str) -> str:
    return f'[[rule]]\nname = "{name}"\nroute = "{route}"\n{condition}\n'


def ask(text: str) -> dict[str, object]:
    return {"model": "gpt-4", "messages": [{"role": "user", "content": text}]}


def test_the_shipped_policy_decides_as_the_router_does() -> None:
    found = Routes(RoutingLever(), "team")
    router = Router(load_policy())
    for text in ("What is a plan?", "Define entropy.", "x is undefined, fix it", "word " * 3000, ""):
        assert found.models[found.decide(ask(text), {})] == router.decide(ask(text)).model
    assert not found.by_label
    assert found.columns == ()
    assert found.decide_blind("gpt-4", {}) == UNDECIDED


def test_routes_of_one_model_are_one(tmp_path: Path) -> None:
    found = routes(tmp_path, rule("short", "other", "tokens_below = 10"))
    assert found.models == ("gpt-4o-mini", "gpt-4o")
    assert found.decide(ask("hi"), {}) == 0


def test_tenants_tags_and_headers_come_from_the_labels(tmp_path: Path) -> None:
    rules = rule("gold", "strong", 'tenant = ["acme"]') + rule("bulk", "cheap", 'tags = ["bulk"]')
    found = routes(tmp_path, rules + rule("tier", "cheap", 'header = {X-Tier = "low"}'), tenant="customer")
    assert found.by_label
    assert {"customer", "tags", "metadata.tags", "x-tier", "headers.x-tier"} <= set(found.columns)
    cheap, strong = 0, 1
    for label, expected in (
        ({"customer": "acme", "tags": "bulk"}, strong),
        ({"customer": "globex", "tags": '["eu", "bulk"]'}, cheap),
        ({"headers.x-tier": "low"}, cheap),
        ({"x-tier": "high", "headers.x-tier": "low"}, strong),  # the column of the very name goes before
        ({}, strong),
    ):
        assert found.decide(ask("hi"), label) == expected
        assert found.decide_blind("gpt-4", label) == expected


def test_a_rule_that_needs_the_text_ends_what_can_be_told(tmp_path: Path) -> None:
    model, long_, words = (
        rule("old", "cheap", 'model = ["gpt-3.5-turbo"]'),
        rule("long", "strong", "tokens_above = 100"),
        rule("vip words", "strong", 'words = ["urgent"]\ntenant = ["acme"]'),
    )
    first = routes(tmp_path, model + long_)
    assert first.decide_blind("gpt-3.5-turbo", {}) == 0
    assert first.decide_blind("gpt-4", {}) == UNDECIDED
    assert first.decide_blind(None, {}) == UNDECIDED
    behind = routes(tmp_path, long_ + model)
    assert behind.decide_blind("gpt-3.5-turbo", {}) == UNDECIDED
    part = routes(tmp_path, words, default="cheap")
    assert part.decide_blind("gpt-4", {"team": "globex"}) == 0  # the other condition fails already
    assert part.decide_blind("gpt-4", {"team": "acme"}) == UNDECIDED


def test_a_wrong_policy_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"policy\.toml:8"):
        routes(tmp_path, '[[rule]]\nname = "x"\nroute = "nowhere"\ntools = true\n')
    with pytest.raises(ConfigError, match="missing"):
        Routes(RoutingLever(policy=tmp_path / "missing.toml"), "team")


def test_the_tenant_is_that_of_the_cache(tmp_path: Path) -> None:
    assert routes_of(Plan()) is None
    path = tmp_path / "policy.toml"
    path.write_text(f'default = "cheap"\n{ROUTES}{rule("gold", "strong", "tenant = [1]")}', encoding="utf-8")
    path.write_text(path.read_text().replace("[1]", '["a"]'), encoding="utf-8")
    found = routes_of(Plan(cache=CacheLever(tenant="customer"), routing=RoutingLever(policy=path)))
    assert found is not None
    assert found.columns == ("customer",)
    usual = routes_of(Plan(cache=CacheLever(tenant=""), routing=RoutingLever(policy=path)))
    assert usual is not None
    assert usual.columns == ()
    assert usual.decide_blind("m", {"team": "a"}) == 1


def weights(**changes: Any) -> Weights:
    values: dict[str, Any] = {
        "hashed": {crc32(b"prove"): 9.0},
        "dense": (0.0,) * len(DENSE),
        "bias": -2.0,
        "slope": 1.0,
        "offset": 0.0,
        "floor": 0.0,
        "threshold": 0.5,
        "cheap": "gpt-4o-mini",
        "strong": "gpt-4o",
        "seed": 0,
        "held_out": 0.2,
        "trained_on": 640,
    }
    return Weights(**(values | changes))


def test_trained_weights_alone_decide_between_their_models(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    save_weights(weights(), path)
    found = Routes(RoutingLever(policy=path), "team")
    assert found.models == ("gpt-4o-mini", "gpt-4o")
    assert found.decide(ask("Prove it!"), {}) == 1
    assert found.decide(ask("Define it."), {}) == 0
    assert found.decide_blind("gpt-4", {}) == UNDECIDED


def test_a_score_behind_rules(tmp_path: Path) -> None:
    save_weights(weights(), tmp_path / "weights.json")
    score = '[score]\nweights = "weights.json"\nbelow = "cheap"\nabove = "strong"\n'
    found = routes(tmp_path, rule("old", "cheap", 'model = ["old"]') + score)
    assert found.decide(ask("Prove it!"), {}) == 1
    assert found.decide(ask("Prove it!") | {"model": "old"}, {}) == 0
    assert (found.decide_blind("old", {}), found.decide_blind("new", {})) == (0, UNDECIDED)


def test_weights_of_one_model_or_damaged_ones(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    save_weights(weights(strong=""), path)
    with pytest.raises(ConfigError, match="one model only"):
        Routes(RoutingLever(policy=path), "team")
    path.write_text(path.read_text().replace("640", "641"), encoding="utf-8")
    with pytest.raises(ConfigError, match="checksum"):
        Routes(RoutingLever(policy=path), "team")
