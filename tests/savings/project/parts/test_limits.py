"""What cannot be replayed in parts is refused by name; how far a log may be cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt.cost.spec.load import load_specs
from llmopt.errors import UsageError
from llmopt.savings.project.parts.limits import asked_of, check, cut_of
from llmopt.savings.project.plan import BatchLever, CacheLever, Plan, PromptCacheLever, SelfHostLever


@pytest.mark.parametrize(
    ("plan", "name"),
    [
        (Plan(cache=CacheLever(size_bytes=1)), "cache.size"),
        (Plan(prompt_cache=PromptCacheLever()), "prompt_cache"),
        (Plan(self_host=SelfHostLever(Path("bench.json"))), "self_host"),
    ],
)
def test_a_lever_that_all_calls_share(plan: Plan, name: str) -> None:
    with pytest.raises(UsageError, match=rf"\({name}\)") as caught:
        check(plan)
    assert "without --engine spark" in caught.value.hint


def test_others_are_fine_and_the_checklist_tries_what_partitions() -> None:
    plan = Plan(cache=CacheLever(ttl_s=5.0), batch=BatchLever(tags=(("a", "b"),)))
    check(plan)
    assert asked_of(plan).on == ("cache", "compression", "batch")
    assert asked_of(plan).cache == plan.cache
    assert asked_of(Plan()).on == ("cache", "compression", "batch")


def test_records_of_one_response_stay_together() -> None:
    cuts = {spec.name: cut_of([spec]) for spec in load_specs()}
    together = {name for name, cut in cuts.items() if cut == "together"}
    assert {"claude-code", "codex", "bedrock", "otel-genai", "openai-usage"} <= together
    assert {"openai-chat", "anthropic-messages", "generic", "vllm"}.isdisjoint(together)
