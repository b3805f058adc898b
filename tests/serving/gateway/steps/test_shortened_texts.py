"""What became of texts is remembered, within bounds."""

from __future__ import annotations

from llmopt.serving.gateway.steps.shortened_texts import Shortened, ShortenedTexts


def test_what_is_known_stands() -> None:
    texts = ShortenedTexts()
    key = texts.key("safe", "a")
    assert texts.get(key) is None
    texts.keep(key, Shortened("first", 1))
    texts.keep(key, Shortened("second", 2))
    assert texts.get(key) == Shortened("first", 1)


def test_a_key_is_of_level_and_text() -> None:
    keys = {ShortenedTexts.key(level, text) for level in ("safe", "lossless") for text in ("a", "b", "\ud800")}
    assert len(keys) == 6


def test_what_was_not_asked_for_longest_goes_first() -> None:
    texts = ShortenedTexts(most_texts=2)
    for name in (b"a", b"b"):
        texts.keep(name, Shortened("x", 1))
    assert texts.get(b"a")
    texts.keep(b"c", Shortened("x", 1))
    assert [texts.get(name) is not None for name in (b"a", b"b", b"c")] == [True, False, True]


def test_long_texts_are_bounded_by_their_characters() -> None:
    texts = ShortenedTexts(most_chars=10)
    for name in (b"a", b"b", b"c"):
        texts.keep(name, Shortened("x" * 5, 1))
    assert [texts.get(name) is not None for name in (b"a", b"b", b"c")] == [False, True, True]
    texts.keep(b"d", Shortened("x" * 11, 1))
    assert texts.get(b"d") is None
