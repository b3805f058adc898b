"""Sentences end where a reader would end them; clauses where a sentence may be cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.select.sentences import clauses, sentences


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rained. We left.", ["It rained.", "We left."]),
        (
            "Dr. Holm came at 3.5 p.m. with Mr. Ode. Nobody knew.",
            ["Dr. Holm came at 3.5 p.m. with Mr. Ode.", "Nobody knew."],
        ),
        ("J. K. Varn wrote it. See fig. 2.", ["J. K. Varn wrote it.", "See fig. 2."]),
        (
            '"Why?" he said. "Because!" "Oh…" Then silence.',
            ['"Why?"', "he said.", '"Because!"', '"Oh…"', "Then silence."],
        ),
        ("Trời mưa. Chúng tôi về TP. Huế. Ai biết?", ["Trời mưa.", "Chúng tôi về TP. Huế.", "Ai biết?"]),
        ("今天下雨。我们走了！好吗？", ["今天下雨。", "我们走了！", "好吗？"]),  # noqa: RUF001
        ("Anna: hello\nBert: good morning\n", ["Anna: hello", "Bert: good morning"]),
        ("no end", ["no end"]),
        ("  \n ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert split(text) == expected


def test_a_wrapped_line_goes_on() -> None:
    wrapped = "The committee met on the first floor of the old building\nand decided nothing. It met again."
    assert len(split(wrapped)) == 2
    labelled = "The committee met on the first floor of the old building\nResult: nothing was decided."
    assert len(split(labelled)) == 2


@given(st.text(alphabet="aB. !?…\n)\"'1,;:(\u2013。", max_size=60))
def test_nothing_but_white_space_is_between(text: str) -> None:
    for split_up in (sentences, clauses):
        at = 0
        for start, end in split_up(text, 0, len(text)):
            assert not text[at:start].strip()
            assert start < end
            at = end
        assert not text[at:].strip()


def test_clauses_join_to_the_whole() -> None:
    text = "The oven, which was old (built in 1,874), burned \u2013 as ever \u2013 beech; pine: never"
    parts = [text[start:end] for start, end in clauses(text, 0, len(text))]
    assert "".join(parts) == text
    assert parts[:2] == ["The oven, ", "which was old "]
    assert "(built in 1,874), " in parts or "(built in 1,874)" in "".join(parts)
    assert clauses("", 0, 0) == []
