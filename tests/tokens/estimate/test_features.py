"""Features of texts: what they count, that they add up, that they stay quick."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.tokens.estimate.characters import CLASSES, class_of
from llmopt.tokens.estimate.features import NAMES, measure, total
from llmopt.tokens.estimate.frequent import FREQUENT
from llmopt.tokens.estimate.languages import LANGUAGE_OF, LANGUAGES


def features(text: str) -> dict[str, float]:
    return {name: value for name, value in zip(NAMES, measure(text), strict=True) if value}


def without_letters(text: str) -> dict[str, float]:
    return {name: value for name, value in features(text).items() if not name.startswith("letter_")}


def test_names_are_told_apart() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {*CLASSES, *LANGUAGES, *FREQUENT} <= set(NAMES)
    assert all(word == word.lower() for word in LANGUAGE_OF)


def test_nothing_has_no_features() -> None:
    assert features("") == {}
    assert total([]) == measure("")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat", {"word_2_3": 1, "joined": 1, "joined_letters": 3}),
        (" cat", {"word_2_3": 1, "space": 1}),
        (" Cat", {"word_2_3": 1, "capitalised": 1, "space": 1}),
        (" NATO", {"word_4_5": 1, "allcaps": 1, "allcaps_letters": 4, "space": 1}),
        (" the", {"word_2_3": 1, "english": 1, "space": 1}),
        (" getUserName", {"word_9_12": 1, "mixed": 1, "humps": 3, "letters_past_8": 3, "space": 1}),
        (" xkcd", {"word_4_5": 1, "vowelless": 1, "vowelless_letters": 4, "space": 1}),
        (" 12345", {"digit_runs": 1, "digit_groups": 2, "spaced_digits": 1, "digits": 5, "space": 1}),
        ("=====", {"punctuation_runs": 1, "repeated": 4, "operator": 5}),
        ("    ", {"blanks_in_runs": 4, "blank_runs": 1, "space": 4, "    ": 1}),
        ("中", {"han": 1}),
        ("東", {"han_traditional": 1}),
        ("龘", {"han_rare": 1}),
        ("😀", {"emoji_faces": 1}),
        ("\ud800", {"other_bmp": 1}),
    ],
)
def test_what_is_counted(text: str, expected: dict[str, float]) -> None:
    assert without_letters(text) == expected


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("A", "letter_a"),
        ("ế", "vietnamese_toned"),
        ("ơ", "vietnamese"),
        ("Ł", "accents_polish"),
        ("ы", "cyrillic_russian"),
        ("ї", "cyrillic_ukrainian"),
        ("گ", "arabic_persian"),
        ("ก", "thai"),
        ("한", "hangul"),
        ("の", "hiragana"),
        ("\u200d", "joiners"),
        ("\x00", "control"),
        ("\u2500", "box"),
        ("\U0001f1fb", "emoji_flags"),
        ("\U000e0001", "astral"),
    ],
)
def test_classes_of_characters(character: str, name: str) -> None:
    assert class_of(character) == name


@given(st.integers(0, 0x10FFFF))
def test_every_character_has_a_class(point: int) -> None:
    assert class_of(chr(point)) in CLASSES


words = st.text(st.characters(exclude_categories=()), min_size=1, max_size=40)


@given(st.lists(words, min_size=1, max_size=5))
def test_lines_add_up(lines: list[str]) -> None:
    """Features of texts with a letter at both ends, joined by line breaks, are the sums of theirs."""
    texts = [f"a{line}a" for line in lines]
    joined = measure("\n".join(texts))
    summed = total([*map(measure, texts), *[measure("\n")] * (len(texts) - 1)])
    assert joined == pytest.approx(summed)


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_features_are_never_negative(text: str) -> None:
    assert min(measure(text)) >= 0


@pytest.mark.parametrize("unit", ["a", " ", "é", "中", "😀", "-", "\n", "0", "aB3+"])
def test_a_long_text_of_one_kind_is_quick(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    start = time.process_time()
    measure(text)
    assert time.process_time() - start < 1.0
