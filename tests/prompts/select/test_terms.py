"""Words of a query are found in other forms, in other scripts and without accents."""

from __future__ import annotations

import pytest

from llmopt.prompts.select.stems import stem
from llmopt.prompts.select.terms import STOP_WEIGHT, fold, terms_of, words_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("city", "cities"),
        ("relocate", "relocated"),
        ("establish", "establishment"),
        ("stop", "stopped"),
        ("write", "wrote"),
        ("died", "death"),
        ("operate", "operation"),
    ],
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize("word", ["sea", "cát", "1874", "là", "ab"])
def test_short_and_foreign_words_stay(word: str) -> None:
    assert stem(word) == word


def test_other_words_do_not_match() -> None:
    terms = terms_of("general store")
    assert terms.find("genius stones in a stove") == (5, [], [])


def test_what_is_found() -> None:
    terms = terms_of("Who managed the railways of Skarn in 1951?")
    length, places, numbers = terms.find("In 1951 the railway manager of Skarn left")
    assert length == 8
    assert places == [0, 1, 2, 3, 4, 5, 6]
    assert len(set(numbers)) == 7
    assert [terms.weights[number] for number in numbers] == [STOP_WEIGHT, 1, STOP_WEIGHT, 1, 1, STOP_WEIGHT, 1]
    assert {numbers[1], numbers[6]} == terms.names


def test_stems_that_share_most_of_their_beginning_match() -> None:
    assert terms_of("administrate").find("the administrators")[2] == [0]


def test_scripts_without_spaces_go_by_pairs() -> None:
    terms = terms_of("馆长是谁")
    assert terms.unspaced
    assert len(terms.find("我们的馆长很好")[2]) == 1
    assert words_of("馆长A", unspaced=True) == ["馆长", "长a"]
    assert words_of("馆", unspaced=True) == ["馆"]


def test_vietnamese_is_compared_composed() -> None:
    assert terms_of("thư viện").find("Thư viện")[2] == [0, 1]
    assert terms_of("thu vien", folded=True).find("Thư viện")[2] == [0, 1]
    assert fold("Đường đi") == "Duong di"


def test_a_query_of_very_many_words_is_cut() -> None:
    terms = terms_of(" ".join(f"w{number}" for number in range(5000)))
    assert len(terms.weights) == 2000
    assert terms.find("w3 w4999")[2] == [3]


def test_numbered_names_match_only_themselves() -> None:
    terms = terms_of("note of user17")
    assert terms.find("user1 user17 user171 user18")[1] == [1]


def test_both_customs_of_placing_the_tone_mark_match() -> None:
    assert terms_of("hòa bình").find("hoà bình")[2] == [0, 1]
    assert terms_of("hoà bình").find("Hòa bình")[2] == [0, 1]
    assert terms_of("hoàn").find("hòan hoàn")[1] == [1]
