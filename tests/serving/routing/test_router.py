"""Decisions: the first rule that holds, the score, the default; and a header that says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import ConfigError, UsageError
from llmopt.serving.routing import Decision, Router, parse_policy
from llmopt.serving.routing.seen import seen
from llmopt.tokens.api import count_tokens
from tests.serving.routing.policies import RULE, SMALL


def ask(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **more}


def holds(conditions: str, body: dict[str, Any], **request: Any) -> bool:
    return Router(parse_policy(RULE + conditions)).decide(body, **request).route == "b"


TOOLS = {"tools": [{"type": "function", "function": {"name": "a"}}]}
IMAGE = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}
SYSTEM = {"messages": [{"role": "system", "content": "You translate."}, {"role": "user", "content": "Hund"}]}


@pytest.mark.parametrize(
    ("conditions", "body", "request_", "expected"),
    [
        ('words = "define"', ask("define it"), {}, True),
        ('words = "define"', ask("undefined"), {}, False),
        ('no_words = "define"', ask("undefined"), {}, True),
        ('no_words = "define"', ask("define it"), {}, False),
        ('in = "system"\nwords = "translate"', SYSTEM, {}, True),
        ('words = "translate"', SYSTEM, {}, False),
        ('in = "all"\nwords = ["translate", "x"]', SYSTEM, {}, True),
        ('regex = "defin(?:e|ition)"', ask("The definition"), {}, True),
        ('no_regex = "defin(?:e|ition)"', ask("The definition"), {}, False),
        ("tokens_above = 2", ask("12345678"), {}, False),
        ("tokens_above = 2", ask("123456789"), {}, True),
        ("tokens_below = 3", ask("12345678"), {}, True),
        ("tokens_below = 3", ask("123456789"), {}, False),
        ("question_tokens_below = 2", SYSTEM, {}, True),
        ("tokens_below = 2", SYSTEM, {}, False),
        ("tokens_above = 10", ask("a", **TOOLS), {}, True),
        ("tools = true", ask("a", **TOOLS), {}, True),
        ("tools = true", ask("a"), {}, False),
        ("tools = false", ask("a", tools=[]), {}, True),
        ("images = true", IMAGE, {}, True),
        ("images = false", IMAGE, {}, False),
        ('tenant = ["acme", "b"]', ask("a"), {"tenant": "acme"}, True),
        ('tenant = "acme"', ask("a"), {"tenant": "acme2"}, False),
        ('tenant = "acme"', ask("a"), {}, False),
        ('tags = ["batch", "night"]', ask("a"), {"tags": ("x", "night")}, True),
        ('tags = "batch"', ask("a"), {"tags": ("batches",)}, False),
        ('model = "auto"', ask("a", model="auto"), {}, True),
        ('model = "auto"', ask("a", model="gpt-4o"), {}, False),
        ('header = {X-Tier = "gold"}', ask("a"), {"headers": {"x-tier": "gold"}}, True),
        ('header = {x-tier = ["gold", "red"]}', ask("a"), {"headers": {"X-TIER": " red "}}, True),
        ('header = {x-tier = "gold"}', ask("a"), {"headers": {"x-tier": "golden"}}, False),
        ('header = {x-tier = "gold"}', ask("a"), {"headers": [(b"X-Tier", b"gold")]}, True),
        ("header = {x-tier = true}", ask("a"), {"headers": {"x-tier": "any"}}, True),
        ("header = {x-tier = true}", ask("a"), {}, False),
        ("header = {x-tier = false}", ask("a"), {}, True),
        ("header = {x-tier = false}", ask("a"), {"headers": {"x-tier": ""}}, False),
        ('language = ["de", "fr"]', ask("Was ist das für ein Tier?"), {}, True),
        ('language = "en"', ask("Was ist das für ein Tier?"), {}, False),
        ('language = "en"', ask("12345"), {}, False),
        ('words = "define"\ntokens_below = 3', ask("define it for all of us"), {}, False),
        ('words = "define"\ntenant = "a"\nlanguage = "en"', ask("define the word"), {"tenant": "a"}, True),
    ],
)
def test_each_condition(conditions: str, body: dict[str, Any], request_: dict[str, Any], expected: bool) -> None:
    assert holds(conditions, body, **request_) is expected


def test_the_first_rule_that_holds_decides() -> None:
    router = Router(parse_policy(SMALL))
    decision = router.decide(ask("What is ML?"))
    assert decision == Decision("cheap", "small-model", "simple", None, "about 3 tokens < 50, the words 'what is'")
    gold = router.decide(ask("What is ML?"), headers={"x-tier": "gold"})
    assert (gold.route, gold.rule, gold.why) == ("strong", "gold", "header x-tier: gold")
    other = router.decide(ask("Whatever isn't undefined"))
    assert (other.route, other.rule, other.why) == ("strong", "default", "no rule holds")


@pytest.mark.parametrize(
    ("question", "route"),
    [
        ("What is machine learning?", "cheap"),
        ("Define entropy.", "cheap"),
        ("Translate 'good morning' into French", "cheap"),
        ("Summarize this: it rained.", "cheap"),
        ("Thanks!", "cheap"),
        ("Was ist Photosynthese?", "cheap"),
        ("什么是机器学习", "cheap"),
        ("¿Qué es la fotosíntesis?", "cheap"),
        ("Analyze the causes of the war", "strong"),
        ("What is better? Compare Rust and Go", "strong"),
        ("Explain why the sky is blue", "strong"),
        ("Write code that sorts a list", "strong"),
        ("Design a queue", "strong"),
        ("What is wrong here?\n```py\nprint(1\n```", "strong"),
        ("What is wrong with SELECT a FROM b", "strong"),
        ("Why is x undefined here", "strong"),
        ("variable is undefined", "strong"),
        ("What is the capital to select one from the list", "cheap"),
        ("a redefinition of undefined terms", "strong"),
        ("", "strong"),
        ("What is this? " + "word " * 2000, "strong"),
    ],
)
def test_the_shipped_policy(question: str, route: str) -> None:
    assert Router().decide(ask(question)).route == route


def test_simple_words_within_others_are_none() -> None:
    for word in (
        "undefined",
        "predefined",
        "listen",
        "enlist",
        "renamed",
        "username",
        "whatsoever",
        "codec",
        "airplane",
    ):
        assert Router().decide(ask(word)).rule == "default"


class Fixed:
    def __init__(self, score: float) -> None:
        self.value = score
        self.seen: list[tuple[str, int, int, int]] = []

    def score(self, text: str, *, context_chars: int = 0, turns: int = 1, tools: int = 0) -> float:
        self.seen.append((text, context_chars, turns, tools))
        return self.value


def scored(tmp_path: Path, threshold: str = "threshold = 0.4") -> str:
    (tmp_path / "w.json").write_text("{}", encoding="utf-8")
    return RULE + f'words = "define"\n[score]\nweights = "{tmp_path}/w.json"\nbelow = "a"\nabove = "b"\n{threshold}\n'


@pytest.mark.parametrize(("score", "route"), [(0.0, "a"), (0.399, "a"), (0.4, "b"), (1.0, "b"), (float("nan"), "b")])
def test_the_score_decides_what_no_rule_does(tmp_path: Path, score: float, route: str) -> None:
    scorer = Fixed(score)
    router = Router(parse_policy(scored(tmp_path)), scorer=scorer)
    decision = router.decide({"messages": [*SYSTEM["messages"], {"role": "user", "content": "Katze"}], **TOOLS})
    assert (decision.route, decision.rule) == (route, "score")
    assert scorer.seen == [("Katze", len("You translate.") + len("Hund"), 2, 1)]
    assert router.decide(ask("define it")).rule == "r"
    assert len(scorer.seen) == 1


def test_what_is_no_request() -> None:
    body: Any = "What is ML?"
    with pytest.raises(UsageError, match="a mapping, not a str"):
        Router().decide(body)
    assert holds('tags = "batch"', ask("a"), tags="batch")


TEXTS = {
    "English": "What is the difference between a heat pump and a gas boiler, and why is one cheaper to run?",
    "German": "Was ist der Unterschied zwischen einer Wärmepumpe und einer Gasheizung, und warum?",
    "Russian": "Какая столица Франции и почему она так называется? Объясни простыми словами, как работает двигатель.",
    "Chinese": "法国的首都是哪里。请用简单的语言解释内燃机是如何工作的",
    "Korean": "프랑스의 수도는 어디입니까? 내연 기관이 어떻게 작동하는지 간단한 말로 설명해 주세요.",
    "Hindi": "फ्रांस की राजधानी क्या है? कृपया सरल शब्दों में समझाइए कि इंजन कैसे काम करता है।",
    "code": "def add(one: int, other: int) -> int:\n    return one + other\n\n\nprint(add(3, 4))\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_tokens_are_estimated_well_enough(text: str) -> None:
    exact = count_tokens(text, encoding="o200k_base").tokens
    assert 0.7 * exact <= seen(ask(text)).tokens("question") <= 1.4 * exact


def test_a_threshold_of_ones_own(tmp_path: Path) -> None:
    policy = parse_policy(scored(tmp_path))
    assert Router(policy, scorer=Fixed(0.5)).decide(ask("x")).why == "score 0.500 >= 0.400"


def test_weights_that_are_wrong_name_the_line_of_the_policy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^policy:9: .*w\.json"):
        Router(parse_policy(scored(tmp_path)))


def test_the_header_is_a_structured_field() -> None:
    decision = Decision("cheap", "gpt-4o-mini", "simple question", 0.1234, "the words 'what is'")
    assert decision.header == (
        'cheap;model="gpt-4o-mini";rule="simple question";why="the words \'what is\'";score=0.123'
    )
    odd = Decision("günstig", 'a"b\\c', "zeile\r\nx: y", None, "")
    assert odd.header == '%"g%c3%bcnstig";model="a\\"b\\\\c";rule=%"zeile%0d%0ax: y"'


@given(st.text(), st.text(), st.text(), st.text())
def test_no_name_breaks_the_header(route: str, model: str, rule: str, why: str) -> None:
    header = Decision(route, model, rule, 0.5, why).header
    assert all(" " <= letter <= "~" for letter in header)


def test_every_rule_is_explained(tmp_path: Path) -> None:
    result = Router(parse_policy(SMALL)).explain(ask("What is ML?"))
    assert [(step.name, step.reached, step.holds) for step in result.steps] == [
        ("gold", True, False),
        ("simple", True, True),
        ("default", False, True),
    ]
    assert result.steps[0].why == "no header x-tier"
    assert (result.fallbacks, result.cascade) == (("strong", "long"), ("cheap", "strong"))
    assert (result.question_tokens, result.tokens, result.language) == (3, 3, "en")
    assert result.decision == Router(parse_policy(SMALL)).decide(ask("What is ML?"))


@given(st.text(max_size=300), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_any_text_is_decided(text: str, headers: dict[str, str]) -> None:
    router = ROUTER
    decision = router.decide(ask(text), headers=headers)
    assert decision == router.explain(ask(text), headers=headers).decision
    json.dumps(decision.header)


ROUTER = Router()
