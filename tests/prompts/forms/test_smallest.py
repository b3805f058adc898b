"""Which form is taken, and when JSON stays JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import InputError
from llmopt.prompts.context import Context, JsonForm
from llmopt.prompts.forms import csv_rows, toon
from llmopt.prompts.forms.json_values import exact_values, minified
from llmopt.prompts.forms.numbers import Spelled
from llmopt.prompts.forms.smallest import fenced, other_form
from llmopt.tokens.api import tokenizer_for

TOKENIZER = tokenizer_for(encoding="o200k_base")
ROWS = [{"id": at, "name": f"user {at}", "admin": at % 3 == 0} for at in range(12)]


def form(text: str, json_form: JsonForm) -> tuple[str, str] | None:
    plain = minified(text)
    assert plain is not None
    return other_form(text, plain, Context(TOKENIZER, json_form))


def test_each_form_is_taken_where_it_is_asked_for() -> None:
    text = json.dumps(ROWS)
    for json_form in ("toon", "csv"):
        found = form(text, json_form)
        assert found is not None
        assert found[1] == json_form
        assert found[0].startswith(f"```{json_form}\n")
    assert form(text, "smallest") == form(text, "csv")


def test_a_nested_table_is_smallest_as_toon() -> None:
    found = form(json.dumps({"rows": [row | {"at": {"x": 1, "y": 2}} for row in ROWS]}), "smallest")
    assert found is not None
    assert found[1] == "toon"


def test_long_texts_are_compared_by_samples() -> None:
    rows = ROWS * 400
    found = form(json.dumps(rows, indent=1), "smallest")
    assert found is not None
    body = found[0].removeprefix("```csv\n").removesuffix("\n```")
    assert csv_rows.decode(body) == rows


@pytest.mark.parametrize(
    "text",
    [
        '[{"a":1,"a":2},{"a":1,"a":2}]',
        '[{"a":-0},{"a":-0},{"a":1},{"a":1},{"a":1},{"a":1}]',
        '[{"a":-0.0},{"a":1},{"a":1},{"a":1},{"a":1},{"a":1}]',
        '[{"a":1e400},{"a":1},{"a":1},{"a":1},{"a":1},{"a":1}]',
        '[{"a":"\\ud800"},{"a":1},{"a":1},{"a":1},{"a":1},{"a":1}]',
        '{"a":{"b":[1,{"c":2}]}}',
        "[" * 400 + "]" * 400,
    ],
)
def test_json_stays_where_a_form_would_lose_something_or_cost_more(text: str) -> None:
    assert form(text, "smallest") is None


def test_long_texts_of_which_a_form_takes_more_keep_json() -> None:
    assert form(json.dumps([[[at]] for at in range(20_000)]), "toon") is None


def test_long_texts_that_are_nearly_alike_are_counted() -> None:
    value = {"rows": ROWS, "text": "some words and more of them, " * 3000}
    found = form(json.dumps(value), "toon")
    assert found is not None
    assert TOKENIZER.count(found[0]).tokens < TOKENIZER.count(minified(json.dumps(value)) or "").tokens


def test_numbers_keep_their_spelling() -> None:
    text = json.dumps([{"price": "P", "n": at} for at in range(9)]).replace('"P"', "1.50")
    found = form(text, "smallest")
    assert found is not None
    assert found[0].count("1.50") == 9


@pytest.mark.parametrize(
    "mark", ["{name}", "{{ name }}", "{% if x %}", "${HOME}", "$user", "%(a)s", "%s", "<keep>", "<b>x</b>"]
)
def test_placeholders_stay_as_they_are(mark: str) -> None:
    rows = [row | {"text": f"say {mark} now"} for row in ROWS]
    for json_form in ("toon", "csv"):
        found = form(json.dumps(rows), json_form)
        assert found is not None
        assert found[0].count(mark) == len(rows)


def test_placeholders_that_a_form_would_change_keep_json() -> None:
    """CSV doubles the quotes within, and a table writes a placeholder among the keys only once."""
    assert form(json.dumps([row | {"text": '{{ a("b") }}'} for row in ROWS]), "csv") is None
    for json_form in ("toon", "csv"):
        assert form(json.dumps([row | {"{name}": 1} for row in ROWS]), json_form) is None


def test_comparisons_are_no_tags() -> None:
    found = form(json.dumps([row | {"low": "x < 1", "high": "y > 2"} for row in ROWS]), "csv")
    assert found is not None


def test_a_form_that_reads_otherwise_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(ROWS)
    monkeypatch.setattr(csv_rows, "decode", lambda text, number: [row | {"id": 1} for row in ROWS])
    assert form(text, "csv") is None

    def refuse(text: str, number: object) -> None:
        raise InputError("no")

    monkeypatch.setattr(csv_rows, "decode", refuse)
    found = form(text, "smallest")
    assert found is not None
    assert found[1] == "toon"


def test_types_and_the_order_of_keys_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in (
        [row | {"admin": 1 if row["admin"] else 0} for row in ROWS],
        [dict(reversed(row.items())) for row in ROWS],
    ):
        assert wrong == ROWS
        monkeypatch.setattr(toon, "decode", lambda text, number, wrong=wrong: wrong)
        assert form(json.dumps(ROWS), "toon") is None


@given(st.text(st.sampled_from("`a\n"), max_size=20))
def test_no_line_closes_its_fence(text: str) -> None:
    whole = fenced(text, "toon")
    fence = whole[: whole.index("toon")]
    assert len(fence) >= 3
    assert fence not in text
    assert whole == f"{fence}toon\n{text}\n{fence}"


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', "[-0]", "[-0.0]", "[1E999]", "[NaN]", "[1", "[" * 9000 + "]" * 9000])
def test_values_that_no_form_brings_back_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        exact_values(text)


@pytest.mark.parametrize(("opening", "closing"), ["[]", ('{"a":', "}")])
def test_values_may_be_nested_as_deep_on_every_python(opening: str, closing: str) -> None:
    assert exact_values(opening * 499 + "[7]" + closing * 499)
    with pytest.raises(InputError, match="JSON that has no other form: nested more than 500 deep"):
        exact_values(opening * 500 + "[7]" + closing * 500)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert exact_values("[" + ",".join(["[]"] * 9000) + "]") == [[]] * 9000


def test_values_keep_spelling_and_hyphens() -> None:
    assert exact_values('["web-0", "x: -0.", 1.0, 10]') == ["web-0", "x: -0.", Spelled("1.0"), 10]


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ('{ "a" : 1.0 , "a" : -0.0 }', '{"a":1.0,"a":-0.0}'),
        ("[ 1e400 , 1E5, 123456789012345678901234567890.10 ]", "[1e400,1E5,123456789012345678901234567890.10]"),
        ('[ "\\u00e9 \\/ \\" , : " ,\r\n\t"é" ]', '["\\u00e9 \\/ \\" , : ","é"]'),
        ('{ "a" : "\\ud800 \\\\" , "b" : [ ] }', '{"a":"\\ud800 \\\\","b":[]}'),
        ('[ "\ud800" , 1 ]', '["\ud800",1]'),
        ("[1,", None),
        ('[ "\\ud800" , NaN ]', None),
        ("[ " * 100_000, None),
    ],
)
def test_minified(text: str, short: str | None) -> None:
    assert minified(text) == short


def test_deep_nesting_is_minified_or_left_alone() -> None:
    text = "[ " * 3000 + "]" * 3000
    assert minified(text) in (None, text.replace(" ", ""))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES, st.sampled_from([None, 1, 2, "\t"]), st.booleans())
def test_minified_json_says_the_same(value: Any, indent: int | str | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert minified(text) == json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only)


@given(st.lists(JSON_VALUES, min_size=2, max_size=5), st.sampled_from(["toon", "csv", "smallest"]))
def test_forms_give_back_the_values(values: list[Any], json_form: JsonForm) -> None:
    rows = [{"key": f"row {at}", "value": value} for at, value in enumerate(values)]
    found = form(json.dumps(rows), json_form)
    if found:
        fence, name = found[0][: found[0].index(found[1])], found[1]
        body = found[0].removeprefix(f"{fence}{name}\n").removesuffix(f"\n{fence}")
        decode = toon.decode if name == "toon" else csv_rows.decode
        assert json.dumps(decode(body, number=json.loads)) == json.dumps(rows)
