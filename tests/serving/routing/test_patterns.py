"""Regular expressions: on word borders in every script, and none that runs away."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import ConfigError
from llmopt.serving.routing import Reads, Router, parse_policy
from llmopt.serving.routing.answered import Answered
from llmopt.serving.routing.patterns import REACH, any_in, compiled, first_in, joined_of, window
from tests.serving.routing.policies import RULE

RUNAWAY = r"(\w+\w+)+="
"""Takes exponential time on a run of letters that no `=` follows; the one further off keeps it from giving up."""
BAIT = "a" * 3000 + " ="


def found(source: str, text: str) -> bool:
    return first_in((compiled(source),), text) is not None


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
        (r"(?x) a \s b  # a comment", "a b", True),
        ("(?i:foo)|bar", "FOO", True),
        ("(?-i:SELECT)", "select", False),
        ("größe", "GRÖSSE Größe", True),
        ("k", "\u212a", True),
        ("foo(?=bar)", "foobar", False),
        ("(?:foo|bar){2}", "foobar", True),
        (r"(a)\1", "xx aa", True),
        ("caf\u00e9", "un cafe\u0301", True),
        ("cafe\u0301", "un caf\u00e9", True),
        ("cafe", "un cafe\u0301", False),
        ("слов", "слово", False),
        ("слово", "Слово!", True),
        ("हिन्द", "हिन्दी", False),
        ("한국", "한국어", False),
        ("分析", "请分析这个问题", True),
        ("ไทย", "ภาษาไทยดี", True),
        ("ab", "用ab分析", True),
        ("ab", "用abc分析", False),
        (r"\p{Han}{2}", "see 分析", True),
    ],
)
def test_a_pattern_matches_between_words(source: str, text: str, expected: bool) -> None:
    assert found(source, text) is expected


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("(", "no regular expression"),
        ("[z-a]", "no regular expression"),
        ("a{3,1}", "no regular expression"),
        (r"\p{Foo}", "no regular expression"),
        ("(?R)", "no regular expression"),
        ("(?:" * 400 + "a" + ")" * 400, "no regular expression"),
        ("a{99999999999999999999}", "repeats too much"),
        ("((a{1000}){1000}){1000}", "repeats too much"),
        ("a*", "empty text"),
        ("a|", "empty text"),
        ("^", "empty text"),
        ("x" * 3000, "3,000 characters"),
    ],
)
def test_what_is_no_pattern(source: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        compiled(source)


@pytest.mark.parametrize("source", [RUNAWAY, r"([^=]+)+=x|(\w*)*==", r"(?:a|aa)+(?=\s==)="])
def test_a_pattern_that_runs_away_is_stopped(source: str) -> None:
    with pytest.raises(TimeoutError):
        found(source, BAIT)


@pytest.mark.parametrize("key", ["regex", "no_regex"])
def test_what_cannot_be_told_in_time_does_not_hold(key: str) -> None:
    router = Router(parse_policy(f"{RULE}{key} = '{RUNAWAY}'\n"))
    body = {"messages": [{"role": "user", "content": BAIT}]}
    assert router.decide(body).rule == "default"
    assert "takes too long" in router.explain(body).steps[0].why


@pytest.mark.parametrize("wanted", [True, False])
def test_an_answer_that_cannot_be_checked_in_time_fails(wanted: bool) -> None:
    assert "too long" in Reads.of(RUNAWAY, wanted=wanted).fault(Answered.of(BAIT), BAIT)


@given(
    st.lists(
        st.sampled_from(
            ["define", "foo|bar", "analy[sz]e", r"^\d{1,3}", "ab{1,2}", "(x)(?:y|z)$", "straße", "(?-i:FOO)"]
        ),
        min_size=2,
        max_size=4,
    ),
    st.text(alphabet="defin oobarylsz01xßSFO.-_", max_size=40),
)
def test_patterns_joined_match_where_one_of_them_does(sources: list[str], text: str) -> None:
    patterns = tuple(compiled(source) for source in sources)
    joined = joined_of(patterns)
    assert joined is not None
    assert any_in(patterns, joined, text) is any(first_in((each,), text) is not None for each in patterns)


@pytest.mark.parametrize(
    "source", [r"(a)\1", r"(?P<n>a)(?P=n)", "(?i:a)", "(?s)a.b", "(?x)a # b", "a(*SKIP)b", r"(?<n>a)\g<n>", "(?>a+)b"]
)
def test_a_pattern_that_means_something_else_in_a_longer_one_stays_alone(source: str) -> None:
    assert joined_of((compiled("b"), compiled(source))) is None


def test_a_joined_pattern_that_runs_away_does_not_hide_one_that_matches() -> None:
    patterns = (compiled("a+"), compiled(RUNAWAY))
    assert any_in(patterns, joined_of(patterns), f"a {BAIT}")
    with pytest.raises(TimeoutError):
        any_in(patterns[::-1], joined_of(patterns[::-1]), BAIT[1:])


def test_a_long_text_is_looked_at_from_both_ends() -> None:
    filler = "x" * 100_000
    assert found("word", f"word {filler}")
    assert found("word", f"{filler} word")
    assert not found("word", f"{filler} word {filler}")
    assert len(window(filler)) <= REACH + 1


@given(
    st.sampled_from(["define", "foo|bar", "analy[sz]e", r"\d{1,3}", "ab{1,2}", "x(?:y|z)", "straße"]),
    st.text(alphabet="defin oobarylsz01xßS.-_", max_size=40),
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
