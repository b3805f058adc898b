"""Placeholders without braces, and what only looks like one."""

from __future__ import annotations

import pytest

from tests.prompts.segments.shown import guarded, spans


@pytest.mark.parametrize(
    "placeholder",
    [
        "%s",
        "%d",
        "%.2f",
        "%5.1f",
        "%-10s",
        "%05d",
        "%(name)s",
        "%(total).2f",
        "%1$s",
        "%ld",
        "$VAR",
        "$user_name",
        "[[name]]",
        "[NAME]",
        "[INSERT TEXT HERE]",
        "[YOUR NAME]",
        "[your name here]",
        "[Your company]",
        "[/INST]",
        "[INST]",
        "__NAME__",
        "__USER_NAME__",
        "<%= user.name %>",
        "<% if x > 1 %>",
        "<NAME>",
        "<YOUR_API_KEY>",
        "<your name here>",
        "<user_name>",
        "<tên>",
        "<|im_start|>",
        "<<SYS>>",
    ],
)
def test_a_placeholder_is_guarded(placeholder: str) -> None:
    assert guarded(f"Write  to {placeholder}, then  stop") == [placeholder]
    assert guarded(placeholder) == [placeholder]


@pytest.mark.parametrize(
    "text",
    [
        "100% sure",
        "I am 100 % sure, 5% down",
        "it costs $5 or $5.50",
        "US$ 30",
        "50% discount and 20% solid",
        "see [1] and [2, 3]",
        "[ERROR] it failed",
        "[INFO] up",
        "a < b and c > d",
        "if x<5 and y>3",
        "1 < 2 > 0",
        "at 10:30 :)",
        "snake_case_name",
        "note: this",
        "C# and C++",
    ],
)
def test_this_is_no_placeholder(text: str) -> None:
    assert guarded(text) == []


def test_a_named_parameter_is_one_where_it_is_certain() -> None:
    assert guarded("select * from t where id = :user_id and b=:b") == [":user_id", ":b"]
    assert guarded("std::string x = a::b") == []


def test_what_nothing_closes_is_guarded_to_the_end_of_the_paragraph() -> None:
    assert guarded("a <%= b  c\nd\n\ne  f") == ["<%= b  c\nd"]


def test_a_placeholder_within_a_quotation_guards_the_quotation() -> None:
    assert guarded('say "hello  {name}" now') == ['"hello  {name}"']
    assert spans('say "hello  {name}" now', "quoted") == ['"hello  {name}"']
    assert guarded("https://example.com/{id}/x?y=%s ok") == ["https://example.com/{id}/x?y=%s"]
