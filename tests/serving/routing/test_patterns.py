"""Regular expressions: on word borders, and none that could be slow."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import ConfigError
from llmopt.serving.routing.patterns import WINDOW, compiled, first_in, safe, window
from llmopt.serving.routing.words import Words


def found(source: str, text: str) -> bool:
    return first_in((compiled(source),), text, Words(text)) is not None


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("define", "Define it", True),
        ("define", "undefined", False),
        ("def|define", "define", True),
        ("analy[sz]e", "analyse, analyze", True),
        ("analy[sz]e", "analyser", False),
        (r"v\d{1,3}", "see V12.", True),
        (r"v\d{1,3}", "av12", False),
        ("```", "text```py", True),
        (r"\$\d{1,9}", "costs $5", True),
        (r"(?s)a.{0,9}b", "a\nb", True),
        (r"(?x) a \s b", "a b", True),
        ("(?i:foo)|bar", "FOO", True),
        ("größe", "GRÖSSE Größe", True),
        ("k", "\u212a", True),
        ("foo(?=bar)", "foobar", False),
        ("(?:foo|bar){2}", "foobar", True),
        (r"(a)\1", "xx aa", True),
    ],
)
def test_a_pattern_matches_between_words(source: str, text: str, expected: bool) -> None:
    assert found(source, text) is expected


@pytest.mark.parametrize(
    "source",
    [
        "(a+)+b",
        "(a*)*b",
        "(a|aa)+b",
        "(a|a)*b",
        "([a-z]+)*!",
        r"(\w+\s?)+$",
        "(.*a){12}x",
        "x+x+x+y",
        "a?" * 20 + "a" * 20,
        "(?=(a+)+)b",
        "((a|b|ab){1,9})*c",
        r"(a*)(b*)(c*)\1\2\3x",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r"(?:(?:a{0,9}){0,9}){0,9}b",
    ],
)
def test_a_pattern_that_could_be_slow_is_refused(source: str) -> None:
    with pytest.raises(ConfigError, match="could be slow") as caught:
        compiled(source)
    assert "bound" in caught.value.hint


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("(", "no regular expression"),
        ("[z-a]", "no regular expression"),
        ("a{99999999999999999999}", "no regular expression"),
        ("a*", "empty text"),
        ("a|", "empty text"),
        ("x" * 3000, "3,000 characters"),
    ],
)
def test_what_is_no_pattern(source: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        compiled(source)


@pytest.mark.parametrize("source", [r"\s+$", "foo.*bar", "(?:foo|bar)+x", r"(?:\d{1,3}\.){3}\d", ".{0,40}a.{0,40}b"])
def test_what_is_safe_is_taken(source: str) -> None:
    assert compiled(source).source == source


def test_a_schema_may_match_the_empty_text() -> None:
    assert safe("^[a-z]*$")[0].search("") is not None
    with pytest.raises(ConfigError, match="could be slow"):
        safe("^([a-z]*)*$")


@pytest.mark.parametrize("source", ["word", "w.{0,40}d", r"\bwor+d", "(?:word|other)+"])
def test_a_long_text_is_looked_at_from_both_ends(source: str) -> None:
    reach = compiled(source).reach
    filler = "x" * 100_000
    assert found(source, f"word {filler}")
    assert found(source, f"{filler} word")
    assert not found(source, f"{filler} word {filler}")
    assert len(window(filler, reach)) <= reach + 1


def test_the_fewer_ways_the_more_is_seen() -> None:
    reach = [compiled(source).reach for source in ("word", "w.{0,400}d", "w.*d")]
    assert reach == [20_000, 4_000_000 // 401, 4_000_000 // (WINDOW + 1)]


@given(
    st.sampled_from(["define", "foo|bar", "analy[sz]e", r"\d{1,3}", "ab{1,2}", "x(?:y|z)", "straße", "i"]),
    st.text(alphabet="defin oobarylsz01x\u212a\u0130\u0131\u017fßS.-_", max_size=40),
)
def test_it_is_the_plain_search_between_borders(source: str, text: str) -> None:
    """Slow and plain: every place and every length, on borders."""
    pattern = re.compile(source, re.IGNORECASE)

    def border(at: int) -> bool:
        before, after = text[at - 1 : at], text[at : at + 1]
        return not (re.match(r"\w", before) and re.match(r"\w", after))

    places = [(start, end) for start in range(len(text)) for end in range(start + 1, len(text) + 1)]
    expected = any(border(start) and border(end) and pattern.fullmatch(text, start, end) for start, end in places)
    assert found(source, text) is expected
