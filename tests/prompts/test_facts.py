"""Numbers, negations, quantifiers and obligations, in English and Vietnamese."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.facts import facts, kept_in_order


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1,234.5 and 50%", ["1,234.5", "50%"]),
        ("from 5-10 to 1\u20132", ["5-10", "1\u20132"]),
        ("on 2024-05-01T10:30:00Z", ["2024-05-01", "10:30:00"]),
        ("at 10:30, then 7.", ["10:30", "7"]),
        ("v1.2.3 and 3.14.", ["1.2.3", "3.14"]),
        ("10kg, 3rd, 2x4", ["10", "3", "2", "4"]),
        ("it is -5 and +3 or \u22122", ["-5", "+3", "\u22122"]),
        ("$5.00, \u20ac3, 40\u00b0", ["$5.00", "\u20ac3", "40\u00b0"]),
        ("GPT-4, x-3, (1), [2]", ["4", "3", "1", "2"]),
        ("half is .5", ["half", ".5"]),
        ("1/2 and \u00bd and m\u00b2", ["1/2", "\u00bd", "m\u00b2"]),
        ("\u0661\u0662 and \uff15\uff10\uff05", ["\u0661\u0662", "\uff15\uff10"]),
        ("a1b22", ["1", "22"]),
        ("10%-20%", ["10%", "20%"]),
        ("007 0", ["007", "0"]),
    ],
)
def test_numbers_are_found_with_what_belongs_to_them(text: str, numbers: list[str]) -> None:
    assert facts(text) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "do not",
        "don't",
        "DON\u2019T",
        "don\u02bct",
        "cannot",
        "can't",
        "dont",
        "avoid it",
        "refrain from",
        "won't",
        "isn't",
    ],
)
def test_every_way_to_say_not_is_the_same_fact(text: str) -> None:
    assert facts(text) == ["not"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Never use all of them, only each", ["never", "all", "only", "each"]),
        ("at least three, at most ten", ["at", "least", "three", "at", "most", "ten"]),
        ("up to 5 but no more", ["up", "to", "5", "no", "more"]),
        ("You must; it is required, optional or forbidden", ["must", "required", "optional", "forbidden"]),
        ("unless it has none", ["unless", "none"]),
        ("non-empty", ["non"]),
        ("max 3, maximum 3", ["maximum", "3", "maximum", "3"]),
        ("Kh\u00f4ng \u0111\u01b0\u1ee3c b\u1ecba", ["kh\u00f4ng"]),
        ("t\u1ea5t c\u1ea3 \u00edt nh\u1ea5t 5", ["t\u1ea5t", "c\u1ea3", "\u00edt", "nh\u1ea5t", "5"]),
        ("t\u1ed1i \u0111a m\u01b0\u1eddi t\u1eeb", ["t\u1ed1i", "\u0111a", "m\u01b0\u1eddi"]),
        ("nghi\u00eam c\u1ea5m, ngo\u1ea1i tr\u1eeb", ["nghi\u00eam", "c\u1ea5m", "ngo\u1ea1i", "tr\u1eeb"]),
        ("ph\u1ea3i b\u1eaft bu\u1ed9c", ["ph\u1ea3i", "b\u1eaft", "bu\u1ed9c"]),
        ("m\u1ed9t c\u00e1ch ng\u1eafn g\u1ecdn", []),
        ("ngo\u1ea1i \u00f4, t\u1ed1i nay, c\u1ea3 l\u00e0ng", []),
    ],
)
def test_words_that_count_or_oblige(text: str, found: list[str]) -> None:
    assert facts(text) == found


@pytest.mark.parametrize(
    "text",
    ["notice the nothingness of knots", "another allowance", "it's we'll", "upto the top", "Onlyfans", "sometimes", ""],
)
def test_other_words_are_no_facts(text: str) -> None:
    assert facts(text) == []


def test_both_forms_of_unicode_are_the_same() -> None:
    text = "Kh\u00f4ng \u0111\u01b0\u1ee3c d\u00f9ng qu\u00e1 m\u01b0\u1eddi t\u1eeb, tr\u1eeb khi b\u1eaft bu\u1ed9c"
    assert facts(unicodedata.normalize("NFD", text)) == facts(text) != []


@given(
    before=st.text(max_size=30),
    behind=st.text(max_size=30),
    word=st.sampled_from(("not", "5", "all", "1,000", "kh\u00f4ng")),
)
def test_a_fact_does_not_depend_on_the_text_around_it(before: str, behind: str, word: str) -> None:
    assert word in facts(f"{before} \n{word}\n {behind}")
    assert facts(f"{before}\n;{word}; {behind}") == [*facts(before), word, *facts(behind)]


@given(
    words=st.lists(st.sampled_from(("t\u1ea5t", "c\u1ea3", "up", "to", "not", "the", "5", "at", "least")), max_size=12)
)
def test_leaving_out_other_words_loses_no_fact(words: list[str]) -> None:
    assert kept_in_order(facts(" ".join(words)), facts(" ".join(word for word in words if word != "the")))


@given(text=st.text(max_size=200))
def test_any_text_has_facts_in_lower_case(text: str) -> None:
    assert all(fact and fact == fact.lower() for fact in facts(text))


def test_order_counts_and_more_may_come() -> None:
    assert kept_in_order(["a", "b"], ["a", "x", "b"])
    assert not kept_in_order(["a", "b"], ["b", "a"])
    assert not kept_in_order(["a", "a"], ["a"])
