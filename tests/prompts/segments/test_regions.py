"""What the user wants kept."""

from __future__ import annotations

import re

import pytest

from llmopt.prompts.segments.parse import parse
from tests.prompts.segments.shown import guarded, kinds, spans


@pytest.mark.parametrize(
    "region",
    [
        "<keep>a  b</keep>",
        "<keep>\n\na\n\n</keep>",
        "<keep>a<keep>b</keep>c</keep>",
        "<KEEP>x</Keep>",
        '<keep reason="law">x</keep>',
        '<keep>`a {b [c " ```</keep>',
        '<keep>{"a": 1,</keep>',
    ],
)
def test_a_keep_region_is_guarded_whole(region: str) -> None:
    assert kinds(f"x  {region}  y") == [("keep", region)]


def test_an_open_region_goes_to_the_end() -> None:
    assert kinds("a <keep>b\n\nc {d}") == [("keep", "<keep>b\n\nc {d}")]
    assert guarded("a <keep><keep>b</keep> c") == ["<keep><keep>b</keep> c"]
    assert kinds("a </keep> b") == [("tag", "</keep>")]
    assert kinds("<keeper>x</keeper>") == [("tag", "<keeper>"), ("tag", "</keeper>")]


def test_matches_of_patterns_are_pinned() -> None:
    assert spans("order 12 and 345", keep=[r"\d+"]) == ["12", "345"]
    assert spans("abc", keep=["x*"]) == []
    found = parse("order 12", keep=[re.compile(r"\d+")]).spans[0]
    assert (found.kind, found.guarded) == ("pinned", True)


def test_a_match_that_cuts_into_something_guards_all_of_it() -> None:
    found = parse('see {"a": 1, "b": 2} now', keep=[re.compile(r"2\} n")])
    assert [found.slice(span) for span in found.spans if span.guarded] == ['{"a": 1, "b": 2} n']
    inside = parse('see {"a": 1, "b": 2} now', keep=[re.compile('"b"')]).spans[0]
    assert (inside.kind, inside.guarded) == ("json", True)
    assert [span.guarded for span in parse('say "a b c"', keep=[re.compile("b")]).spans] == [True]


@pytest.mark.parametrize("prefix", [1, 5, 8, 15, 99])
def test_the_cached_beginning_is_guarded(prefix: int) -> None:
    text = 'a {"b": 1, "c": 2} d'
    first = parse(text, prefix=prefix).spans[0]
    assert first.start == 0
    assert first.guarded
    assert first.end == (len(text) if prefix > len(text) else prefix if prefix < 3 else text.index("}") + 1)


def test_no_text_has_no_spans() -> None:
    found = parse("", keep=[re.compile("a")], prefix=3)
    assert (found.spans, found.blocks) == ((), ())


def test_what_the_user_asked_for_is_told_where_it_lies_within_code_or_a_tag() -> None:
    keep = (re.compile("foo"),)
    for text in ("a `x foo y` b", 'a <p class="foo"> b'):
        assert {span.kind for span in parse(text, keep=keep).spans} == {"pinned"}
