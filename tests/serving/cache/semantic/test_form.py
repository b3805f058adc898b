"""Plain forms: harmless ways to ask become one; what changes an answer stays."""

from __future__ import annotations

import pytest

from llmopt.serving.cache.semantic.form import form_of


def plain(text: str) -> str:
    return " ".join(form_of(text).texts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How can I reset a password?", "how-to reset a password"),
        ("Hi there, could you please tell me how to boil an egg? Thanks!", "how-to boil an egg"),
        ("Is there a way to export contacts", "how-to export contacts"),
        ("How do you boil rice?", "how-to boil rice"),
        ("How do you mend my car?", "how do you repair my car"),
        ("How do you delete data?", "how do you delete data"),
        ("how do i treat a lack of vitamin a in food", "how-to treat a lack of vitamin a in food"),
        ("How do you feel?", "how do you feel"),
        ("How do I look?", "how do i look"),
        ("How do I get the job?", "how-to get the job"),
        ("How do I make a few friends?", "how-to make a few friends"),
        ("How do I reach a Jordan?", "how-to reach a jordan"),
        ("In Python, how do I sort a list?", "how-to sort a list in python"),
        ("In 2019, how do I vote?", "in 2019 , how do i vote"),
        ("In 2019, who knew the war ended?", "in 2019 , who knew the war ended"),
        ("What's France's capital?", "what is the capital of france"),
        ("What is John's wife's name?", "what is john's wife's name"),
        ("What is my new dog's name?", "what is the name of my new dog"),
        ("Tell me what the time is", "what is the time"),
        ("Which river is the longest in Asia?", "what is the longest river in asia"),
        ("Which song is the most popular?", "what is the most popular song"),
        ("Which side is the west?", "what side is the west"),
        ("Best way to learn chess", "what is the best way to learn chess"),
        ("What exactly is rust?", "what is rust"),
        ("Explain tea, please", "explain tea"),
        ("A, B, and C", "a , b and c"),
        ("twenty-five of thirty one", "25 of 31"),
        ("twenty five-dollar bills", "20 5 -~ dollar bills"),
        ("twenty-five dollar bills", "25 dollar bills"),
        ("20 5", "20 5"),
        ("Is 1,000 many?", "is 1000 many"),
        ("Sind 1,000 viel?", "sind 1,000 viel"),
        ("Ocean's Eleven", "ocean's eleven"),
        ("5 kilometres in 2 hrs", "5 kilometer in 2 hour"),
        ("Is the US big?", "is the usa big"),
        ("Tell us all", "tell us all"),
        ("Who's the boss", "who is the boss"),
        ("What is 5!", "what is 5 !"),
        ("How do you make pancakes?", "how-to make pancakes"),
        ("How do you make a decision?", "how do you make a decision"),
        ("How do you make money?", "how do you make money"),
        ("Where is Ulm located?", "where is ulm"),
        ("I'd like to cancel it", "i want to cancel it"),
        ("Write me a poem", "write a poem"),
        ("Can you tell me your return policy?", "what is your return policy"),
        ("What's the difference between a film and a movie?", "what is the difference between a film and a movie"),
        ("hello", "hello"),
        ("please", "please"),
        ("", ""),
    ],
)
def test_forms(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Translate thanks",
        "How do you spell colour?",
        'What is "colour"?',
        "Summarize: what is colour?",
        "Is a couch a sofa?",
        "one\ntwo colour",
        "run `colour`",
        "word " * 41,
    ],
)
def test_what_brings_words_along_is_taken_literally(text: str) -> None:
    form = form_of(text)
    assert form.literal
    assert "color" not in form.texts
    assert form.texts[-1].strip('"`') in text


def test_a_literal_text_keeps_its_end_but_loses_what_is_before_it() -> None:
    assert plain("Could you please translate I am here.") == "translate i am here ."
    assert plain("Translate thank you") == "translate thank you"
    assert plain("please means what") == "please means what"


def test_a_question_shows_without_its_mark() -> None:
    assert form_of("Where is Ulm").starts_as_question
    assert not form_of("Ulm is there").starts_as_question
    assert form_of("Ulm is there?").asks


def test_the_size_grows_with_the_text() -> None:
    assert form_of("a b c d").size_bytes > form_of("a b").size_bytes > 0
