from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.savings.project.prefixes.divergence import Template, TemplateFinder
from llmopt.savings.project.prefixes.tree import PrefixTree

RULES = "".join(f"Rule {number}: never promise what the customer has not paid for.\n" for number in range(60))


def found(
    prompts: Sequence[Sequence[str]], models: Sequence[str] = ()
) -> tuple[PrefixTree, list[int], tuple[Template, ...]]:
    tree = PrefixTree()
    finder = TemplateFinder(tree)
    chains = []
    for number, prompt in enumerate(prompts):
        parts = [part.encode() for part in prompt]
        chains.append(tree.add(parts))
        finder.see(parts, chains[-1], models[number] if models else "m", f"log.jsonl:{number + 1}")
    return tree, chains, finder.finish()


def shared(tree: PrefixTree, one: int, other: int) -> int:
    nodes = {node for node, _ in tree.chain(one)}
    return max((end for node, end in tree.chain(other) if node in nodes), default=0)


def by_clock(number: int) -> list[str]:
    head = f"\nsystem\nNow is 2026-11-22 {number // 60:02}:{number % 60:02}. You answer customers.\n"
    return [f"{head}{RULES}", f"\nuser\nQuestion {number}, please"]


@pytest.mark.parametrize("count", [3, 40, 700])
def test_a_clock_at_the_head_of_the_system_prompt(count: int) -> None:
    tree, chains, (template,) = found([by_clock(number) for number in range(count)])
    assert template.model == "m"
    assert template.first == "log.jsonl:1"
    # The first is 00:00, the last of those that were looked at closely 00:02, 00:39 and 04:15.
    assert template.at_bytes == len("\nsystem\nNow is 2026-11-22 00:00"[: {3: -1, 40: -2, 700: -4}[count]])
    assert template.text.startswith("system: Now is 2026-11-22")
    assert len(RULES) < template.all_bytes < len(RULES) + 200
    assert set(template.moved) == set(chains)
    before = [shared(tree, chains[0], chain) for chain in chains[1:]]
    after = [shared(tree, template.moved[chains[0]], template.moved[chain]) for chain in chains[1:]]
    assert median(before) < 64
    assert median(after) >= len(RULES)
    assert all(tree.ends[old] == tree.ends[new] for old, new in template.moved.items())


def test_a_name_in_a_sentence_of_its_own() -> None:
    names = ["Ada Byron", "Kurt", "Emmy Noether", "Alan M", "Grace Hopper"]
    prompts = [[f"\nsystem\nYou serve Acme. The customer is called {name}.\n{RULES}"] for name in names]
    _, _, (template,) = found(prompts)
    assert template.at_bytes == len("\nsystem\nYou serve Acme. The customer is called ")
    assert "You serve Acme. The customer is called" in template.text


def test_sentences_end_in_other_scripts_too() -> None:
    rules = "".join(f"\u89c4\u5219{number}\uff1a\u4e0d\u8981\u627f\u8bfa\u3002" for number in range(60))
    prompts = [[f"\nsystem\n\u73b0\u5728\u662f{number}\u70b9\u3002{rules}"] for number in range(10, 20)]
    tree, chains, (template,) = found(prompts)
    assert template.at_bytes == len("\nsystem\n\u73b0\u5728\u662f1".encode())
    moved = [template.moved[chain] for chain in chains]
    assert median(shared(tree, moved[0], chain) for chain in moved[1:]) >= len(rules.encode()) - 64


def test_a_place_amid_a_character_is_before_it() -> None:
    prompts = [[f"\nsystem\nHello {name}.\n{RULES}"] for name in ("\u73b0", "\u73b1", "\u73b2")]
    _, _, (template,) = found(prompts)
    assert template.at_bytes == len("\nsystem\nHello ")
    assert "\ufffd" not in template.text


TOOLS = [
    json.dumps({"name": f"tool_{letter}", "about": letter * 300, "input": {"x": 1, "y": 2}}) for letter in "abcdef"
]


def test_tools_in_an_order_of_their_own_each_time() -> None:
    random = Random(5)
    prompts = [[*random.sample(TOOLS, len(TOOLS)), f"\nsystem\n{RULES}", f"\nuser\n{n}"] for n in range(50)]
    tree, chains, (template,) = found(prompts)
    assert template.at_bytes < sum(map(len, TOOLS))
    assert template.text.startswith('{"name": "tool_')
    moved = [template.moved[chain] for chain in chains]
    assert median(shared(tree, moved[0], chain) for chain in moved[1:]) >= len(RULES) + sum(map(len, TOOLS)) * 0.9


def test_names_of_a_schema_in_an_order_of_their_own_each_time() -> None:
    shuffled = [json.dumps({"input": {"x": 1, "y": 2, "z": 3}}), json.dumps({"input": {"z": 3, "x": 1, "y": 2}})]
    prompts = [[shuffled[n % 2], *TOOLS, f"\nsystem\n{RULES}", f"\nuser\n{n}"] for n in range(50)]
    _, _, (template,) = found(prompts)
    assert template.at_bytes == len('{"input": {"')
    assert template.text.startswith('{"input": {"')


def test_tools_in_one_order_are_no_finding_whatever_the_order() -> None:
    assert found([[*reversed(TOOLS), f"\nsystem\n{RULES}", f"\nuser\n{n}"] for n in range(50)])[2] == ()


def test_sentences_in_an_order_of_their_own_each_time() -> None:
    random, examples = Random(5), [f"Example {n}: {chr(97 + n) * 90}.\n" for n in range(8)]
    prompts = [["\nsystem\n" + "".join(random.sample(examples, 8)) + RULES, f"\nuser\n{n}"] for n in range(50)]
    tree, chains, (template,) = found(prompts)
    assert template.at_bytes < 400
    moved = [template.moved[chain] for chain in chains]
    assert median(shared(tree, moved[0], chain) for chain in moved[1:]) >= len(RULES) + 700


def test_many_models_with_few_prompts_each() -> None:
    prompts = [by_clock(number) for number in range(120)]
    templates = found(prompts, [f"m{number % 40}" for number in range(120)])[2]
    assert len(templates) == 40
    assert {len(template.moved) for template in templates} == {3}


def test_fixed_text_first_is_left_alone() -> None:
    assert found([[f"\nsystem\n{RULES}", f"\nuser\nquestion {number}"] for number in range(300)])[2] == ()


def test_documents_that_come_up_again_are_no_template() -> None:
    documents = [f"Document {number} says: " + f"word{number} " * 300 for number in range(120)]
    prompts = [
        [f"\nuser\nAt {number}: {documents[number % 120]} {documents[number * 7 % 120]}"] for number in range(200)
    ]
    assert found(prompts)[2] == ()


def test_a_conversation_that_grows_is_left_alone_and_keeps_its_order() -> None:
    turns = [f"\nsystem\nIt is {7:02} o'clock in the hall.\n{RULES}"]
    prompts = []
    for number in range(12):
        turns = [*turns, f"\nuser\nStep {number}?", f"\nassistant\nDone {number}."]
        prompts.append(turns[:-1])
    assert found(prompts)[2] == ()


def test_a_clock_in_a_conversation_goes_to_its_very_end() -> None:
    prompts = []
    for talk in range(6):
        turns = [f"\nuser\nQuestion {talk}?"]
        for turn in range(4):
            prompts.append([by_clock(10 * talk + turn)[0], *turns])
            turns = [*turns, f"\nassistant\nAnswer {talk}, {turn}.", f"\nuser\nAnd then {turn}?"]
    tree, chains, (template,) = found(prompts)
    assert set(template.moved) == set(chains)
    moved = [template.moved[chain] for chain in chains]
    said = [sum(len(part.encode()) for part in prompt[1:]) for prompt in prompts]
    for number in range(len(prompts)):
        if number % 4:
            # A turn shares with the one before it all that was said by then.
            assert shared(tree, moved[number - 1], moved[number]) >= len(RULES) + said[number - 1]
            assert shared(tree, chains[number - 1], chains[number]) < 100


_PIECES = [b"Now. ", b"x" * 300 + b". ", b"y" * 200 + b"\n", b"\xe3\x80\x82", b"\xff\n", b"", b"z"]
_PROMPTS = st.lists(
    st.lists(st.lists(st.sampled_from(_PIECES), max_size=6).map(b"".join), max_size=4), min_size=1, max_size=20
)


@given(_PROMPTS)
def test_moving_keeps_every_byte(prompts: list[list[bytes]]) -> None:
    tree = PrefixTree()
    finder = TemplateFinder(tree)
    for number, parts in enumerate(prompts):
        finder.see(parts, tree.add(parts), "m", f"log:{number}")
    for template in finder.finish():
        assert template.at_bytes < template.all_bytes
        assert all(tree.ends[old] == tree.ends[new] for old, new in template.moved.items())


def test_models_and_templates_are_told_apart() -> None:
    other = "".join(f"Clause {number}. The tenant has to sweep the stairs on day {number}.\n" for number in range(50))
    prompts = [*(by_clock(number) for number in range(30))]
    prompts += [[f"\nuser\nTenant no {number} asks this.\n{other}"] for number in range(20)]
    models = ["a"] * 25 + ["b"] * 5 + ["a"] * 20
    templates = found(prompts, models)[2]
    assert [(template.model, len(template.moved)) for template in templates] == [("a", 25), ("a", 20), ("b", 5)]


def test_a_template_that_appears_late_is_found() -> None:
    prompts = [
        [f"\nuser\nThis is a question number {number} of its own kind. {'x' * number}"] for number in range(3000)
    ]
    prompts += [by_clock(number) for number in range(1500)]
    templates = found(prompts)[2]
    assert len(templates) == 1
    assert len(templates[0].moved) > 500


def test_equal_or_few_or_short_prompts_have_no_template() -> None:
    assert found([by_clock(1)])[2] == ()
    assert found([["\nuser\nNow is 1. Hi."], ["\nuser\nNow is 2. Hi."]])[2] == ()
    assert found([])[2] == ()


def test_samples_of_many_models_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmopt.savings.project.prefixes.divergence._ALL_SAMPLES_BYTES", 50_000)
    models = [f"m{number % 3}" for number in range(90)]
    templates = found([by_clock(number) for number in range(90)], models)[2]
    assert {template.model: len(template.moved) for template in templates} == {"m0": 30, "m1": 30, "m2": 30}


def test_a_prompt_with_little_of_the_fixed_text_is_left_alone() -> None:
    lines = RULES.splitlines(keepends=True)
    excerpt = ["\nuser\nWhat do you make of this? " + "".join(lines[:30]) + "I mean it. " * 20]
    tree, chains, (template,) = found([*(by_clock(number) for number in range(30)), excerpt])
    assert set(template.moved) == set(chains[:-1])
    assert len(tree) > 31
