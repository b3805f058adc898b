"""Braces without JSON: placeholders and templates, balanced or not."""

from __future__ import annotations

import pytest

from tests.prompts.segments.shown import guarded, kinds, spans


@pytest.mark.parametrize(
    "placeholder",
    [
        "{name}",
        "{0}",
        "{name!r:>10}",
        "{obj.attr[key]}",
        "{user['first name']}",
        "{{ jinja }}",
        "{{ items | join(', ') }}",
        "{{{raw}}}",
        "{% if x > 3 %}",
        "{%- endfor -%}",
        "{# a comment #}",
        "{{#each rows}}",
        "{{/each}}",
        "${VAR}",
        "${VAR:-default value}",
        "#{ruby}",
        "%{name}",
        "{tên_khách}",
        "{ x }",
        "{{user.name}}",
        "{price:,.2f}",
        "{x:{width}}",
    ],
)
def test_a_placeholder_is_guarded_by_itself(placeholder: str) -> None:
    assert kinds(f"Dear  {placeholder}, hello") == [("placeholder", placeholder)]


def test_braces_beside_each_other_are_placeholders_of_their_own() -> None:
    assert spans("{a}{b} {{c}}", "placeholder") == ["{a}", "{b}", "{{c}}"]


def test_code_in_braces_is_guarded_to_the_matching_brace() -> None:
    text = 'function f() {\n  if (x) {  return "}"; }\n}'
    assert guarded(f"Fix {text} now") == [text[text.index("{") :]]


def test_an_open_brace_guards_the_rest_of_the_paragraph() -> None:
    assert kinds("a {b c\nd  e\n\nf  g") == [("broken", "{b c\nd  e")]
    assert guarded("Use {{ user.name and stop.\n\nNext  one") == ["{{ user.name and stop."]


def test_a_closing_brace_alone_is_guarded() -> None:
    assert guarded("a } b") == ["}"]


def test_quotes_hide_braces_only_as_a_pair_on_a_line() -> None:
    assert guarded('{"a": "}", }') == ['{"a": "}", }']
    assert guarded('5" and {a} b') == ["{a}"]
    assert guarded("{'a': '}', }") == ["{'a': '}', }"]


def test_brackets_of_prose_are_free() -> None:
    assert spans("as said [see figure 1] and [x] (or not) [a, b]") == []


def test_a_closing_brace_closes_no_square_bracket() -> None:
    assert guarded('x ["a} b\n\nc') == ['["a} b']
    assert guarded('[1, {"a": 2 ] } z') == ['[1, {"a": 2 ] } z']


def test_a_placeholder_in_quotes_is_found() -> None:
    assert guarded('as "{name}" or "a {b} {c}" and "{"') == ['"{name}"', '"a {b} {c}"']
