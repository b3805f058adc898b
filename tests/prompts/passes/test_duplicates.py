from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.context import Context
from llmopt.prompts.edits import applied
from llmopt.prompts.passes.duplicates import duplicates
from llmopt.prompts.segments.parse import parse
from llmopt.tokens.api import tokenizer_for
from tests.prompts.passes.prose import shortened

CONTEXT = Context(tokenizer_for(encoding="o200k_base"))
PARAGRAPH = "The kiln reaches its working heat after two hours. Keep the door closed until the light turns green."


def short(text: str) -> str:
    return applied(text, duplicates(parse(text), CONTEXT))


def rules(text: str) -> set[str]:
    return {edit.rule for edit in duplicates(parse(text), CONTEXT)}


def test_a_paragraph_goes_wherever_its_copy_stands() -> None:
    text = f"{PARAGRAPH}\n\nGlaze comes in four colours.\n\n{PARAGRAPH}\n\nAsk before you open it.\n"
    assert short(text) == f"{PARAGRAPH}\n\nGlaze comes in four colours.\n\nAsk before you open it.\n"
    assert rules(text) == {"duplicate-paragraph"}


def test_a_line_goes_with_its_break() -> None:
    text = "You review code.\nAlways answer in English.\nAlways answer in English.\nBe brief.\n"
    assert short(text) == "You review code.\nAlways answer in English.\nBe brief.\n"
    assert rules(text) == {"duplicate-line"}


def test_an_item_of_the_same_list_goes() -> None:
    text = "- Never show the customer's address.\n- Greet by name.\n- Never show the customer's address.\n"
    assert short(text) == "- Never show the customer's address.\n- Greet by name.\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Answer in plain English.\nBe brief.\nAnswer in plain English.\n", "Answer in plain English.\nBe brief.\n"),
        ("- Be polite.\n- Use short words.\n- Be polite.\n", "- Be polite.\n- Use short words.\n"),
        ("- apple\n- pear\n- apple\n", "- apple\n- pear\n- apple\n"),
        ("- red wine\n- white wine\n- red wine\n", "- red wine\n- white wine\n- red wine\n"),
        ("Yes, please.\nSure.\nYes, please.\n", "Yes, please.\nSure.\nYes, please.\n"),
    ],
)
def test_short_sentences_are_copies_and_short_names_are_not(text: str, left: str) -> None:
    assert short(text) == left


def test_a_section_goes_at_once_with_its_heading() -> None:
    listed = "List the parts like this:\n\n- one part of it\n\nStop at the end of the list.\n\n"
    section = f"## Goal\n\n{PARAGRAPH}\n\n{listed}"
    text = f"Read this.\n\n{section}## Data\n\nNothing yet.\n\n{section}## Form\n\nShort.\n"
    assert short(text) == f"Read this.\n\n{section}## Data\n\nNothing yet.\n\n## Form\n\nShort.\n"


def test_the_text_ends_as_it_did() -> None:
    assert short("Say nothing about the price list.\nSay nothing about the price list.") == (
        "Say nothing about the price list."
    )
    assert short(f"{PARAGRAPH}\n\nThe rest follows here.\n\n{PARAGRAPH}\n").endswith("follows here.\n")
    assert short(f"{PARAGRAPH}\r\n\r\nMore on this later.\r\n\r\n{PARAGRAPH}\r\n\r\nThe end.\r\n") == (
        f"{PARAGRAPH}\r\n\r\nMore on this later.\r\n\r\nThe end.\r\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Plan A:\n- Requires a signed contract first.\nPlan B:\n- Requires a signed contract first.\n",
        "# Search\n\n- Requires a signed contract first.\n\n# Export\n\n- Requires a signed contract first.\n",
        "- Search\n  - Requires a signed contract first.\n- Export\n  - Requires a signed contract first.\n",
        "Yes.\nNo.\nYes.\nNo.\n",
        "Rain on the roof,\nrain on the lane,\nrain in the old gutter and in the yard.\n\n" * 2,
        "```\nprint(total of all rows)\nprint(total of all rows)\n```\n",
        "| a | b |\n|---|---|\n| the same row here | 1 |\n| the same row here | 1 |\n",
        "1. Wait until the lamp is off.\n2. Press start.\n1. Wait until the lamp is off.\n",
        "First wait until the lamp is off.\nPress the start button twice.\nFirst wait until the lamp is off.\n",
        "Anna: I did not see it at all.\nBen: Sure?\nAnna: I did not see it at all.\n",
        "Fill in {name} at the top of it.\nFill in {name} at the top of it.\n",
        f"# One\n\n{PARAGRAPH}\n\n# Two\n\n{PARAGRAPH}\n\n# Three\n\nLast.\n",
        f"{PARAGRAPH}\n\n```\na\n```\n\n{PARAGRAPH}\n\n```\nb\n```\n",
        f"<example>\n{PARAGRAPH}\n\nWhat then?\n</example>\n\n<example>\n{PARAGRAPH}\n\nWhat now?\n</example>\n",
        "2024-01-01 10:00:00 INFO the same line again\n" * 3,
        '{"a": "the same line again"}\n{"a": "the same line again"}\n',
        "Ann\nIt does not work at all.\n\nBen\nTry it.\n\nAnn\nIt does not work at all.\n\nBen\nWait.\n",
        "Is it open?\nLook it up here: Yes.\nIt is.\n\nIs it shut?\nLook it up here: Yes.\nIt is not.\n",
        "kind,text\nask,Where is the key to the shed.\nask,Where is the key to the shed.\n",
        "The shed is cold in winter. // plain\nIt burnt. // sad\nThe shed is cold in winter. // plain\n",
        f"###\n{PARAGRAPH}\n###\nsafe\n###\n{PARAGRAPH}\n###\nrisky\n",
        f"Answer A\n\n{PARAGRAPH}\n\nAnswer B\n\n{PARAGRAPH}\n\nWhich one is better, and why so?\n",
        f"May it cool?\n\n{PARAGRAPH}\n\nMay it rest?\n\n{PARAGRAPH}\n\nMay it stop?\n",
        f"Reviews:\n\n{PARAGRAPH}\n\nIt broke after a day, and nobody cared.\n\n{PARAGRAPH}\n\nCount them.\n",
        "Old silent pond.\nA frog jumps in there.\nSplash! Silence again.\n\n" * 2,
        "Ann came at noon.\n\nThe bell did not ring at all.\n\nBen came.\n\nThe bell did not ring at all.\n\nOh.\n",
        "- [ ] Sweep the floor of the shed\n- [x] Sweep the floor of the shed\n- [ ] Sweep the floor of the shed\n",
        "- Ann\n- likes the blue lamp very much\n- Ben\n- likes the blue lamp very much\n",
        "- I would buy it again at once\n- It broke\n- I would buy it again at once\n",
        f"# Kiln\n\n## Care\n\n{PARAGRAPH}\n\n# Oven\n\n## Care\n\n{PARAGRAPH}\n",
        f"{PARAGRAPH}\n\nFor example:\n\n`a`\n\n{PARAGRAPH}\n\nFor example:\n\n`a`\n\nGo.\n",
        "Yes, send me the list of all parts today.\n\n> Which one?\n\nYes, send me the list of all parts today.\n",
    ],
)
def test_where_a_copy_may_mean_something_it_stays(text: str) -> None:
    assert short(text) == text


SENTENCES = st.sampled_from(
    [
        "Always answer in the language of the user.",
        "Never promise a refund to anyone.",
        "- Keep every quotation short and exact.",
        "  - Nested remarks belong to their parent item.",
        "# Tone",
        "Rules:",
        "",
        "Yes.",
        PARAGRAPH,
        "Use {tone} in all of your answers please.",
        "<example>",
        "</example>",
    ]
)


@given(st.lists(SENTENCES, max_size=14), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_one_copy_of_all_stays_and_the_runs_end(parts: list[str], newline: str, ended: bool) -> None:
    text = newline.join(parts) + newline * ended
    result = shortened(duplicates, text)
    assert set(result.split(newline)) | {""} == set(parts) | {""}
    assert len(result) <= len(text)
    assert result.count("{tone}") == text.count("{tone}")
    assert result.count("<example>") == text.count("<example>")
    assert "\n\n\n" not in result or "\n\n\n" in text
