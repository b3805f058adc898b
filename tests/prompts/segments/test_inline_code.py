"""Inline code: pairs of equally long runs, by line and by paragraph."""

from __future__ import annotations

import pytest

from tests.prompts.segments.shown import guarded, kinds, spans


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("use `a  b` here", ["`a  b`"]),
        ("``a ` b`` c", ["``a ` b``"]),
        ("`` ` ``", ["`` ` ``"]),
        ("`a``b`", ["`a``b`"]),
        ("`a` and `b`", ["`a`", "`b`"]),
        ("`{x` y}", ["`{x`"]),
        ('`{"a": 1}`', ['`{"a": 1}`']),
        ('`"a` b"', ['`"a`']),
        ("a `b\nc` d", ["`b\nc`"]),
        (r"\`a\` `b`", [r"`a\`", "`b`"]),
        (r"`a\` b`", [r"`a\`", "`"]),
        (r"\\`a`", ["`a`"]),
    ],
)
def test_inline_code_is_guarded_with_its_backticks(text: str, code: list[str]) -> None:
    assert guarded(text)[: len(code)] == code


def test_a_blank_line_ends_what_a_backtick_may_open() -> None:
    assert kinds("a `b\n\nc` d") == [("broken", "`b"), ("broken", "` d")]


def test_backticks_that_may_pair_on_the_line_or_across_it_are_guarded_both_ways() -> None:
    found = "".join(guarded("`x   y` and `open\nmore text\n`x   y` end"))
    assert found.count("`x   y`") == 2


def test_an_unclosed_backtick_guards_the_rest_of_its_line() -> None:
    assert spans("run `ls  -l\nnext", "broken") == ["`ls  -l"]


def test_backticks_within_json_open_nothing() -> None:
    assert kinds('{"a": "`"} and {"b": "`x"}') == [("json", '{"a": "`"}'), ("json", '{"b": "`x"}')]
