"""The policy's decision, and what becomes of the request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.steps.route import RouteStep
from llmopt.serving.gateway.values import Api
from llmopt.serving.routing import Router, parse_policy
from tests.serving.gateway.upstreams.asked import call_of

POLICY = parse_policy(
    """
    default = "cheap"
    [routes]
    cheap = "small"
    strong = "big"
    [[rule]]
    name = "gold"
    header = {X-Tier = "gold"}
    route = "strong"
    [[rule]]
    name = "team"
    tags = ["team=care", "urgent"]
    route = "strong"
    [[rule]]
    name = "whose"
    tenant = "acme"
    route = "strong"
    """
)


def routed(call: Call, *models: str) -> Call:
    RouteStep(Router(POLICY), models).apply(call)
    return call


def asked_model(call: Call) -> str:
    assert call.outgoing is not None
    assert isinstance(call.outgoing.body, bytes)
    found = json.loads(call.outgoing.body)["model"]
    assert found == call.outgoing.model
    return str(found)


def test_the_model_of_the_route_is_asked_and_the_client_is_told() -> None:
    call = routed(call_of({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}))
    assert asked_model(call) == "small"
    assert (call.route, call.metered.route, call.metered.rule, call.metered.model) == (
        "cheap",
        "cheap",
        "default",
        "small",
    )
    assert (call.model, call.metered.asked_model) == ("gpt-4o", "gpt-4o")
    assert call.told == [(b"x-llmopt-route", b'cheap;model="small";rule="default";why="no rule holds"')]
    assert json.loads(call.incoming.body)["model"] == "gpt-4o"


@pytest.mark.parametrize(
    "given",
    [
        {"headers": ((b"x-tier", b"gold"),)},
        {"tags": {"team": "care"}},
        {"tags": {"urgent": ""}},
        {"tenant": "acme"},
    ],
    ids=["header", "tag with a value", "bare tag", "tenant"],
)
def test_rules_see_headers_tags_and_the_tenant(given: dict[str, Any]) -> None:
    assert asked_model(routed(call_of(**given))) == "big"


@pytest.mark.parametrize(
    ("models", "model"), [(("gpt-*",), "small"), (("gpt-4o-mini",), "small"), (("o*",), "gpt-4o-mini")]
)
def test_only_the_models_that_are_routed(models: tuple[str, ...], model: str) -> None:
    call = routed(call_of(), *models)
    assert asked_model(call) == model
    assert bool(call.told) is bool(call.route) is (model == "small")


@pytest.mark.parametrize("api", list(Api))
def test_only_what_writes_an_answer(api: Api) -> None:
    call = routed(call_of(api=api))
    assert bool(call.route) is (api not in (Api.EMBEDDINGS, Api.OTHER))


def test_a_request_that_asks_for_that_model_goes_on_as_it_is() -> None:
    call = call_of({"model": "small"})
    before = call.outgoing
    assert routed(call).outgoing is before
    assert call.route == "cheap"
