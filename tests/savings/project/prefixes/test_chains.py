"""Chains of prompts as they are seen, and where one gives up on them."""

from __future__ import annotations

from llmopt.core.usage import Usage
from llmopt.cost.call import Call
from llmopt.savings.project.prefixes.chains import Chains
from llmopt.savings.project.prefixes.tree import PrefixTree


def add(chains: Chains, *texts: str, model: str = "m") -> None:
    for text in texts:
        body = {"messages": [{"role": "user", "content": text}]}
        chains.add(Call("a.jsonl:1", None, model, None, body, True, None, Usage(), None), body)


def test_a_prompt_that_comes_again_has_its_chain_again() -> None:
    chains = Chains(PrefixTree())
    add(chains, "one", "two", "one")
    chains.add_nothing(2)
    assert chains.of[0] == chains.of[2] != chains.of[1]
    assert list(chains.of[3:]) == [-1, -1]
    assert not chains.given_up


def test_with_too_many_prompts_none_has_a_chain() -> None:
    chains = Chains(PrefixTree(), most=2)
    add(chains, "one", "two", "one", "two")
    assert not chains.given_up
    add(chains, "three", "one")
    chains.add_nothing(1)
    assert chains.given_up
    assert not chains.of
    assert chains.templates() == ()


def test_prompts_of_all_models_count() -> None:
    chains = Chains(PrefixTree(), most=3)
    add(chains, "one", "two")
    add(chains, "one", model="n")
    assert not chains.given_up
    add(chains, "two", model="n")
    assert chains.given_up
