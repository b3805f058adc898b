"""Whole words and phrases: no substring is one, in any script."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.routing.language import language_of
from llmopt.serving.routing.words import Phrases, Words, folded, is_phrase, split


def found(phrase: str, text: str) -> bool:
    return Phrases((phrase,)).first(Words(text)) == phrase


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("define", "Please DEFINE it."),
        ("define", "define"),
        ("what is", "So, what  is\nthat?"),
        ("what's", "What\u2019s up? What's up?"),
        ("step by step", "Think step-by-step!"),
        ("step-by-step", "step by step"),
        ("straße", "Wie heißt diese STRASSE?"),
        ("résume", unicodedata.normalize("NFD", "Résume ce texte")),
        ("翻译", "请翻译这句话"),
        ("क्या", "यह क्या है?"),
        ("why", "\u00abwhy\u00bb"),
    ],
)
def test_a_phrase_is_found(phrase: str, text: str) -> None:
    assert found(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("define", "x is undefined, redefined, defined and define_it"),
        ("what is", "what, then, is it? whatis this is what"),
        ("code", "a codec, an encode and a decoder"),
        ("plan", "plane, plankton and explanation"),
        ("list", "a listener enlisted"),
        ("क", "क्या"),
        ("is", ""),
    ],
)
def test_a_part_of_a_word_is_not_found(phrase: str, text: str) -> None:
    assert not found(phrase, text)


def test_the_first_that_is_there_is_told() -> None:
    phrases = Phrases(("compare", "explain why", "设计"))
    assert phrases.first(Words("explain how and why")) is None
    assert phrases.first(Words("explain why")) == "explain why"
    assert phrases.first(Words("设计一个系统")) == "设计"


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [("c++", False), ("what's", True), ("step-by-step", True), ("a.b", False), ("?!", False), ("什么", True)],
)
def test_what_can_be_looked_for(phrase: str, expected: bool) -> None:
    assert is_phrase(phrase) is expected


@given(st.text(alphabet="aB9_ \t\n.,'!\xdf\xc9\xe9\xaa\xb5\xd7\xa0\xab\xad\xb2\u2019\u201c\u2026\u03bc\u0436\u0301"))
def test_the_fast_way_is_the_plain_one(text: str) -> None:
    """Texts of Western Europe are split in another way than all others, to the same words."""
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    assert folded(text) == plain
    assert split(plain) == re.findall(r"[\w\u0301]+", plain)


@given(st.text(), st.lists(st.sampled_from(["define", "was ist", "où est", "it's"]), min_size=1))
def test_a_phrase_between_blanks_is_always_found(text: str, inner: list[str]) -> None:
    for phrase in inner:
        assert found(phrase, f"{text} {phrase} {text}")


@given(
    st.text(alphabet=st.characters(whitelist_categories=["Ll", "Lu", "Nd"]), min_size=1), st.sampled_from(["xq", "Zw7"])
)
def test_glued_to_letters_it_is_not(before: str, phrase: str) -> None:
    text = f"{before}{phrase}"
    assert found(phrase, text) is (Words(text).listed == Words(phrase).listed)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "What is the capital of France?"),
        ("en", "Define photosynthesis"),
        ("de", "Was ist die Hauptstadt von Frankreich?"),
        ("de", "Erkläre mir bitte, warum der Himmel blau ist."),
        ("fr", "Quelle est la capitale de la France ?"),
        ("es", "¿Cuál es la capital de Francia?"),
        ("it", "Qual è la capitale della Francia?"),
        ("pt", "Qual é a capital da França e por que você gosta dela?"),
        ("nl", "Wat is de hoofdstad van Frankrijk?"),
        ("pl", "Jak nazywa się stolica Francji i dlaczego?"),
        ("tr", "Fransa ile olan bu sorun neden daha çok?"),
        ("sv", "Vad är huvudstaden i Frankrike och varför?"),
        ("ru", "Какая столица Франции?"),
        ("uk", "Яка столиця Франції?"),
        ("zh", "法国的首都是哪里"),
        ("zh", "什么是 Python 的 list comprehension"),
        ("ja", "フランスの首都はどこですか"),
        ("ko", "프랑스의 수도는 어디입니까?"),
        ("ar", "ما هي عاصمة فرنسا؟"),
        ("fa", "پایتخت فرانسه چیست؟"),
        ("he", "מהי בירת צרפת?"),
        ("el", "Ποια είναι η πρωτεύουσα;"),
        ("hi", "फ्रांस की राजधानी क्या है?"),
        ("th", "เมืองหลวงของฝรั่งเศสคืออะไร"),
        ("en", "What does the word здравствуйте mean in English, and how is it used?"),
        ("", ""),
        ("", "12345 + 67890 = ?"),
        ("", "GPU CUDA SIMD AVX512"),
        ("", "\U0001f600\U0001f600"),
    ],
)
def test_a_language_is_told_by_a_sentence(language: str, text: str) -> None:
    assert language_of(text) == language


@given(st.text())
def test_any_text_has_a_language_or_none(text: str) -> None:
    assert language_of(text) == language_of(text, Words(text))
