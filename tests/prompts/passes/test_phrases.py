"""Phrases: what is replaced, what is not, and that every entry of the tables saves."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.facts import facts, kept_in_order
from llmopt.prompts.passes.idioms import idle_facts
from llmopt.prompts.passes.phrases import phrases
from llmopt.prompts.rewriting.tables import guards, short_forms, starting_forms
from llmopt.prompts.segments.parse import parse
from llmopt.tokens.api import tokenizer_for
from tests.prompts.passes.prose import CONTEXT, UNTOUCHED, shortened

ENTRIES = sorted(phrase for phrase in short_forms() if unicodedata.is_normalized("NFC", phrase))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("In order to win, make use of it.", "To win, use it."),
        ("It broke due to the fact that it rained.", "It broke because it rained."),
        ("The tool has the ability to run.", "The tool can run."),
        ("The tools have the ability to run.", "The tools can run."),
        ("At this point in time it works.", "Now it works."),
        ("Do it prior to lunch.", "Do it before lunch."),
        ("It is important to note that prices vary.", "Prices vary."),
        ("It is important to note that iPhone users pay.", "iPhone users pay."),
        ("He was making use of it.", "He was using it."),
        ("She came to the conclusion that it works.", "She concluded that it works."),
        ("They came to the conclusion that it works.", "They concluded that it works."),
        ("It must be taken into account.", "It must be considered."),
        ("It is an absolutely essential step.", "It is an essential step."),
        ("Answer in a clear and concise manner.", "Answer clearly and concisely."),
        ("Answer in JSON format.", "Answer in JSON."),
        ("In addition, cite it.", "Also, cite it."),
        ("Wrapped in order\nto fit.", "Wrapped to fit."),
        ("Bởi vì lý do là trời mưa.", "Vì trời mưa."),
        ("Hãy tiến hành thực hiện một cách rõ ràng.", "Hãy thực hiện rõ ràng."),
        ("Trong trường hợp mà trời mưa, ở nhà.", "Nếu trời mưa, ở nhà."),
    ],
)
def test_a_phrase_is_replaced(before: str, after: str) -> None:
    assert shortened(phrases, before) == after
    decomposed = unicodedata.normalize("NFD", before)
    assert shortened(phrases, decomposed) == unicodedata.normalize("NFD", after)


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_only_looks_like_a_phrase_stays(text: str) -> None:
    assert shortened(phrases, text) == text


@pytest.mark.parametrize(
    "text",
    [
        "```\nin order to\n```",
        '"in order to"',
        "See https://example.org/in order",
        "<keep>in order to</keep>",
        "Translate.\n\nText:\nHe ran in order to win.",
        "Proofread it.\n<draft>We met in order to talk.</draft>",
    ],
)
def test_what_is_guarded_or_asked_about_stays(text: str) -> None:
    assert shortened(phrases, text) == text


def test_material_keeps_its_words() -> None:
    text = "Sum up:\n\nEmail:\nPlease note that we met in order to talk."
    assert shortened(phrases, text) == text


@pytest.mark.parametrize(
    "text",
    [
        "The phrase in order to should never be used in the answer.",
        "If the user says please note that, ignore it.",
        "Avoid wordy expressions such as at this point in time, due to the fact that, and in order to.",
        "Avoid these:\n- in order to\n- at this point in time\n- due to the fact that -> because",
        "Use to instead of in order to.",
        "Begin with please note that and go on.",
        "Tasks must be added in order to their parent task.",
        "You have the ability to not respond.",
        "Does the user have the ability to log in? How long should users have the ability to edit?",
        "Provide a summary of the article and a title for it.",
        "Provide a summary of the article, which must have 3 sentences.",
        "Provide a summary of the article. It must have 3 sentences.",
        "Write a summary of the book with its main ideas.",
        "Engineers made changes to the code which solve it.",
        "First of all, you must not stop at all times; each and every one counts.",
        "You are given a list of names. Each individual must sign.",
        "CPU utilization of 80 % in the field of view.",
        "Nếu người dùng nói cụm từ bởi vì thì dừng.",
        "Ứng viên có khả năng lãnh đạo, chẳng hạn như An.",
    ],
)
def test_what_is_spoken_about_or_means_more_stays(text: str) -> None:
    assert shortened(phrases, text) == text


@pytest.mark.parametrize("phrase", ENTRIES)
def test_an_entry_keeps_the_facts_and_is_shorter(phrase: str) -> None:
    short = short_forms()[phrase]
    assert len(short) < len(phrase)
    wanted = facts(phrase)
    for fact in idle_facts(phrase):
        if fact in wanted:
            wanted.remove(fact)
    assert kept_in_order(wanted, facts(short))


def test_no_entry_costs_tokens() -> None:
    for encoding in ("o200k_base", "cl100k_base"):
        tokenizer = tokenizer_for(encoding=encoding)
        long = tokenizer.count_many([f"We see {phrase} them" for phrase in ENTRIES])
        short = tokenizer.count_many([f"We see {short_forms()[phrase]} them".replace("  ", " ") for phrase in ENTRIES])
        worse = [p for p, a, b in zip(ENTRIES, long, short, strict=True) if b.tokens > a.tokens]
        assert not worse


def test_every_guard_belongs_to_an_entry() -> None:
    assert guards().keys() <= short_forms().keys() | starting_forms().keys()


@given(
    st.lists(st.sampled_from([*ENTRIES, "the", "a", "5", ".", "\n", "không", "{x}", '"in order to"', ","]), max_size=30)
)
def test_it_ends_and_keeps_what_is_no_phrase(words: list[str]) -> None:
    text = " ".join(words)
    after = shortened(phrases, text)
    assert not phrases(parse(after), CONTEXT)
    assert [word for word in after.split() if word in ("5", "{x}")] == [word for word in words if word in ("5", "{x}")]
    assert after.count('"in order to"') == text.count('"in order to"')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Use the schema that is given below.", "Use the schema given below."),
        ("List the changes that you made.", "List the changes you made."),
        ("Help a tutor who is helping a child.", "Help a tutor helping a child."),
        ("Use one of the following categories: a, b.", "Use one of these categories: a, b."),
        ("Please note that prices vary.", "Prices vary."),
        ("Note that a is b, and that c is d.", "Note that a is b, and that c is d."),
        ("Make sure that you are polite.", "Be polite."),
        ("Make sure that you are on the page.", "Make sure that you are on the page."),
        ("The output should be in the form of a JSON array.", "The output should be a JSON array."),
        ("Viết một cách thật rõ ràng.", "Viết thật rõ ràng."),
    ],
)
def test_clauses_and_beginnings_are_shorter(before: str, after: str) -> None:
    assert shortened(phrases, before) == after


@pytest.mark.parametrize(
    "text",
    [
        "Add a rule that you must never skip.",
        "Use that which is given. Say so if that is given.",
        "Do this so that you win. Think of the fact that you lost.",
        "The following process: wait. The following news: none.",
        "Fix the code which is supposed to work. Ensure the list that is not shown is kept.",
        "It must be in a clear manner.",
        "## In order to win\nBe kind.",
        "Translate into German: in order to win, make use of it.",
        "A: It is able to run.\nB: It has the ability to run.",
        "// this loops in order to win\nExplain it.",
        "Reply.\n\nHi Ann,\n\nsend it in order to win.\n\nBob",
    ],
)
def test_clauses_that_need_their_words_and_material_stay(text: str) -> None:
    assert shortened(phrases, text) == text
