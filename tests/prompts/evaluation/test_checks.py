"""The independent checks: each sees the damage that it is there for, and nothing where there is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.context import LEVELS, Level
from llmopt.prompts.evaluation.checks import error_lines, faults, fences, protected
from llmopt.prompts.evaluation.documents import documents_of
from llmopt.prompts.evaluation.generate import generated

PROMPT = """Please answer "yes  or no" about {name} and {{ user.id }} within 30 days, see https://example.com/a?b=1.
Do not use `rm  -rf` and never say more than 12,5% of all words, unless <b>asked</b>.

```py
x =  {y}
```

| id | city |
|----|------|
| 7  | Huế  |

<keep>as   it is</keep> Không được quá ${N} từ, chỉ %s.
2024-05-01 10:00:00 INFO ok 1
2024-05-01 10:00:01 ERROR disk 4 full
{"a": [1.0, null],  "b": "x"}
"""
DAMAGE = {
    "placeholder '{name}'": ("{name}", "{nam}"),
    "placeholder '{{ user.id }}'": ("{{ user.id }}", "{{user.id}}"),
    "placeholder '${N}'": ("${N}", "$N"),
    "placeholder '%s'": ("%s", "s"),
    "quotation": ("yes  or no", "yes or no"),
    "number 30": ("30 days", "some days"),
    "number 12,5%": ("12,5%", "12,5"),
    "URL": ("https://example.com/a?b=1", "https://example.com/a"),
    "inline code": ("`rm  -rf`", "`rm -rf`"),
    "negation 'not'": ("Do not", "Do"),
    "negation 'never'": ("never ", ""),
    "negation 'unless'": ("unless", "if"),
    "negation 'không'": ("Không được quá", "Quá"),
    "quantifier 'all'": ("all words", "words"),
    "quantifier 'chỉ'": ("chỉ ", ""),
    "tag": ("<b>asked</b>", "asked"),
    "fenced code": ("x =  {y}", "x = {y}"),
    "keep region": ("as   it", "as it"),
    "row lost": ("| 7  | Huế  |\n", ""),
    "line lost": ("2024-05-01 10:00:01 ERROR disk 4 full", "2024-05-01 10:00:01 ERROR disk 4"),
    "JSON": ('"b": "x"', '"b": "y"'),
    "JSON of another number": ("1.0, null", "1, null"),
}


@pytest.mark.parametrize("level", ["lossless", "safe"])
@pytest.mark.parametrize("name", DAMAGE)
def test_each_kind_of_damage_is_seen(name: str, level: Level) -> None:
    whole, broken = DAMAGE[name]
    assert PROMPT.count(whole) == 1
    told = faults(PROMPT, PROMPT.replace(whole, broken), level)
    assert any(name.split(" of ")[0] in one for one in told), told


@pytest.mark.parametrize("level", LEVELS)
def test_what_may_change_is_no_fault(level: Level) -> None:
    after = PROMPT.replace('{"a": [1.0, null],  "b": "x"}', '{"a":[1.0,null],"b":"x"}').replace(
        "| 7  | Huế  |", "|7|Huế|"
    )
    assert not faults(PROMPT, after, level)
    assert not faults(PROMPT, PROMPT, level)


def test_a_copy_may_go_above_lossless_only() -> None:
    line = "Write 3 lines, not more.\n"
    assert faults(line * 2, line, "lossless")
    assert not faults(line * 2, line, "safe")


def test_an_idiom_counts_nothing_and_spellings_of_not_are_one() -> None:
    assert not faults("Be kind at all times.", "Be kind.", "aggressive")
    assert not faults("You do not and cannot go.", "You don't and can't go.", "aggressive")
    assert faults("You do not go.", "You do go.", "aggressive")


def test_a_longer_text_is_a_fault() -> None:
    assert faults("a b", "a b c", "safe") == ["longer by 2 characters"]


def test_order_matters_for_what_is_protected() -> None:
    assert faults("{a} then {b}", "{b} then {a}", "aggressive")


def test_error_lines_count_each_time_and_in_order() -> None:
    log = "10:00:00 ERROR a\n10:00:01 INFO b\n10:00:02 ERROR a\n10:00:02 ERROR a\n"
    assert len(error_lines(log)) == 3
    assert faults(log, log.replace("10:00:02 ERROR a\n10:00:02 ERROR a\n", "10:00:02 ERROR a\n"), "safe")
    assert not faults(log, log.replace("10:00:01 INFO b\n", "01 b\n").replace("ERROR a\n1", "ERROR a\n1"), "aggressive")


def test_fences_close_with_their_own_kind() -> None:
    text = "~~~\n```\na\n```\n~~~\nb\n````\n```\n````  \nc\n```open\n"
    assert fences(text) == ["~~~\n```\na\n```\n~~~", "````\n```\n````"]
    assert protected("a `b` ```c``` `d")["inline code"] == ["`b`"]


def test_json_is_found_by_value_with_spelling_order_and_copies_kept() -> None:
    one = documents_of('x {"a": 1.0, "a": [true, {}]} y [z] {"open": ')
    assert len(one.values) == 1
    assert one.values == documents_of('x {"a":1.0,"a":[true,{}]} y').values
    for other in ('{"a":1,"a":[true,{}]}', '{"a":[true,{}],"a":1.0}', '{"a":[true,{}]}', '{"a":"1.0","a":[true,{}]}'):
        assert documents_of(other).values != one.values
    assert "x" in one.outside
    assert "true" not in one.outside


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
        lambda some: st.lists(some) | st.dictionaries(st.text(), some),
    )
)
def test_layout_of_json_is_no_fault(value: object) -> None:
    before, after = json.dumps([[value]], indent=2), json.dumps([[value]], separators=(",", ":"))
    assert not faults(before, after, "lossless")


def test_generated_prompts_are_the_same_each_time_and_their_own_best_copy() -> None:
    texts = list(generated(56, seed=5))
    assert texts == list(generated(60, seed=5))[:56]
    assert texts != list(generated(56, seed=6))
    for prompt in texts:
        for level in LEVELS:
            assert not faults(prompt.text, prompt.text, level), prompt
