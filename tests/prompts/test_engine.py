"""Passes run until nothing changes; what a pass loses is undone, and only that."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.context import LEVELS, Context
from llmopt.prompts.edits import Edit, applied
from llmopt.prompts.engine import Guards, shortened
from llmopt.prompts.passes.registry import PASSES, Keeps, Pass, passes_of
from llmopt.prompts.spans import Segments
from llmopt.tokens.api import tokenizer_for

CONTEXT = Context(tokenizer_for())
NONE = Guards()


def replacing(pattern: str, by: str, keeps: Keeps = "every") -> Pass:
    def run(segments: Segments, context: Context) -> list[Edit]:
        return [Edit(m.start(), m.end(), m.expand(by), "test") for m in re.finditer(pattern, segments.text)]

    return Pass(run, "safe", keeps)


def after(text: str, *passes: Pass, guards: Guards = NONE) -> str:
    draft = shortened(text, passes, CONTEXT, guards)
    assert applied(text, draft.changes) == draft.segments.text
    return draft.segments.text


def test_a_pass_runs_until_nothing_changes() -> None:
    assert after("say aaaaaaaa word", replacing("aa", "a")) == "say a word"


def test_passes_feed_each_other() -> None:
    assert after("x yyy z", replacing("x z", ""), replacing("yyy ", "")) == ""


@pytest.mark.parametrize(
    ("text", "pattern", "left"),
    [
        ("Drop this. Do not drop that.", r"\b(this|not) ", "Drop this. Do not drop that."),
        ("Say word and 15 word items now.", r"\w+ word\b", " and 15 word items now."),
        ("Use word {name} word here.", r" ?\{name\}", "Use word {name} word here."),
        ("Use `word` and word here.", "word ", "Use `word` and here."),
        ('He said "a word here" in a word or so.', "a word", 'He said "a word here" in  or so.'),
        ("See https://word.example/a and word there.", "word", "See https://word.example/a and  there."),
    ],
)
def test_what_matters_stays(text: str, pattern: str, left: str) -> None:
    assert after(text, replacing(pattern, "")) == left


def test_only_the_edits_that_lose_something_are_undone() -> None:
    text = "".join(f"Line {'never ' * (at % 7 == 0)}word.\n" for at in range(40))
    assert after(text, replacing("(never )?word", "")) == "".join(
        "Line never word.\n" if at % 7 == 0 else "Line .\n" for at in range(40)
    )


def test_a_copy_may_go_and_a_last_one_may_not() -> None:
    text = "There are 12 apples.\nThere are 12 apples.\nThere are 13 apples.\n"
    first = Pass(lambda segments, _: [Edit(0, 21, "", "copy")], "safe", "distinct")
    assert after(text, first) == text[21:]


def test_a_pass_that_makes_no_text_shorter_is_undone() -> None:
    assert after("use it well", replacing("use", "utilize")) == "use it well"


def test_fewer_characters_but_more_tokens_is_no_gain() -> None:
    assert after("internationalization matters", replacing("internationalization", "qzxjkvw")) == (
        "internationalization matters"
    )


def test_patterns_and_prefixes_of_the_user_stay() -> None:
    guards = Guards((re.compile("word [ab]"),), prefix=8)
    assert after("word x, word y, word a, word z", replacing("word ", ""), guards=guards) == "word x, y, word a, z"


@pytest.mark.parametrize("level", LEVELS)
@given(st.text("ab \n{}<>`\"'#|-0123.,:$%\\[]", max_size=200))
def test_any_text_comes_out_shorter_or_as_it_was(level: str, text: str) -> None:
    passes = passes_of("safe" if level == "safe" else "aggressive" if level == "aggressive" else "lossless")
    once = after(text, *passes)
    assert len(once) <= len(text)
    assert CONTEXT.tokens(once) <= CONTEXT.tokens(text)
    assert after(once, *passes) == once


def test_each_level_includes_the_gentler_ones() -> None:
    kept: list[Callable[[Segments, Context], list[Edit]]] = []
    for level in LEVELS:
        runs = [item.run for item in passes_of(level)]
        assert runs[: len(kept)] == kept
        kept = runs
    assert kept == [item.run for item in PASSES]
