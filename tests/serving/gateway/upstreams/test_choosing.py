"""Choice: by name, by pattern, or the one that takes the rest."""

from __future__ import annotations

import pytest

from llmopt.errors import UsageError
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.upstreams.choosing import Choice, fits
from tests.serving.gateway.upstreams.fakes import FakeUpstream


def choice(**models: tuple[str, ...]) -> Choice:
    return Choice([FakeUpstream(name, models=each) for name, each in models.items()])


@pytest.mark.parametrize(
    ("model", "name"),
    [("gpt-4o", "exact"), ("gpt-4o-mini", "pattern"), ("GPT-4o", "rest"), ("claude", "rest"), ("", "rest")],
)
def test_a_name_goes_before_a_pattern_and_that_before_the_rest(model: str, name: str) -> None:
    found = choice(rest=(), pattern=("gpt-*",), exact=("gpt-4o",))
    assert found.of(model).name == name


def test_a_request_without_a_model_goes_to_the_first_where_nobody_takes_the_rest() -> None:
    assert choice(one=("a",), two=("b",)).of("").name == "one"


def test_a_model_that_nobody_answers() -> None:
    with pytest.raises(GatewayError) as caught:
        choice(one=("a",)).of("x" * 1000)
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")
    assert len(caught.value.message) < 250


def test_no_upstream_and_two_of_one_name() -> None:
    with pytest.raises(UsageError, match="without an upstream"):
        Choice([])
    with pytest.raises(UsageError, match="two upstreams are called 'a'"):
        Choice([FakeUpstream("a"), FakeUpstream("a")])


def test_brackets_in_a_name_are_no_pattern_for_that_name() -> None:
    assert fits("model[1]", ["model[1]"])
    assert not fits("model1x", ["model[1]"])
