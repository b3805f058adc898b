from __future__ import annotations

from array import array
from decimal import Decimal

from llmopt.core.rate import Price, Rates
from llmopt.cost.call_columns import CallColumns, Kind
from llmopt.savings.project.prefixes.notes import caching_notes
from llmopt.savings.project.prefixes.rules import PrefixRules


def kind(provider: str, model: str, rates: Rates | None = None, *, priced: bool = True) -> Kind:
    price = Price(f"{provider}/{model}", provider, model, "default", None, rates or Rates()) if priced else None
    return Kind(model, provider, "default", None, 0, price)


GPT4O, GPT4, OPUS = kind("openai", "gpt-4o"), kind("openai", "gpt-4"), kind("anthropic", "claude-opus-5")
MISTRAL = kind("mistral", "mistral-large-4", Rates(input_uncached=Decimal(2), input_cache_read=Decimal("0.2")))
DERIVED, UNPRICED = kind("anthropic", "claude-haiku-5-5"), kind("openai", "gpt-4", priced=False)


def columns(*calls: tuple[Kind, int, int]) -> CallColumns:
    kinds = list(dict.fromkeys(kind for kind, _, _ in calls))
    return CallColumns(
        at_us=array("q", range(len(calls))),
        kind=array("i", [kinds.index(kind) for kind, _, _ in calls]),
        request=array("i", range(len(calls))),
        usage={
            "input_uncached": array("q", [uncached for _, uncached, _ in calls]),
            "input_cache_read": array("q", [read for _, _, read in calls]),
        },
        took_us=array("q"),
        answer_bytes=array("q"),
        flags=array("B"),
        label=array("i"),
        kinds=kinds,
        labels=[],
    )


def test_what_is_unknown_unsure_and_short_is_said() -> None:
    rules = PrefixRules.load()
    log = columns((GPT4O, 1023, 0), (GPT4O, 23, 1001), (GPT4O, 10, 10), (GPT4, 9000, 0), (OPUS, 600, 0), (OPUS, 9, 0))
    answered_by = {GPT4O: 3, GPT4: 1, MISTRAL: 1, OPUS: 1, DERIVED: 1200, UNPRICED: 7}
    assert list(caching_notes(log, answered_by, rules)) == [
        "no rule of prompt caching is known for mistral-large-4 (1 call): nothing changes there",
        "the rule of prompt caching for claude-haiku-5-5 is taken from its family: 1,200 calls",
        "the rule of prompt caching for claude-opus-5 is as others report it: 1 call",
        "1 of 2 calls of claude-opus-5 is shorter than what is cached there (512 tokens)",
        "2 of 3 calls of gpt-4o are shorter than what is cached there (1,024 tokens)",
        "gpt-4o caches without being asked, and of 3 calls 2 read from it as logged: "
        "the saving is what the replay reads beyond that",
    ]


def test_a_cache_that_nobody_asks_for_and_nobody_reads() -> None:
    (note,) = caching_notes(columns((GPT4O, 5000, 0)), {GPT4O: 1}, PrefixRules.load())
    assert note.startswith("gpt-4o caches without being asked, and no call of the log reads from it: ")
    (note,) = caching_notes(columns((GPT4O, 5000, 0), (GPT4O, 10, 1024)), {GPT4O: 2}, PrefixRules.load())
    assert "of 2 calls 1 reads from it as logged" in note


def test_nothing_to_say() -> None:
    assert list(caching_notes(columns((OPUS, 5000, 0)), {GPT4O: 1}, PrefixRules.load())) == []
    empty = columns()
    empty.usage.clear()
    assert list(caching_notes(empty, {}, PrefixRules.load())) == []
