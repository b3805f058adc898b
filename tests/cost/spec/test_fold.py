"""Settings and named parts are put in, and what is constant then is worked out."""

from __future__ import annotations

import pytest

from llmopt.cost.spec.expr import Call, Const, Expr, Path, parse
from llmopt.cost.spec.fold import bind

SETTINGS: dict[str, str | None] = {"cached": "excluded", "empty": None}


def folded(source: str, **lets: str) -> Expr:
    return bind(parse(source), SETTINGS, {name: parse(text) for name, text in lets.items()})


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("param.cached", "'excluded'"),
        ("param.absent", "null"),
        ("param.cached == 'excluded'", "true"),
        ("param.cached == 'included'", "false"),
        ("param.cached != 'included'", "true"),
        ("param.empty == 'x'", "false"),
        ("param.empty == null", "false"),
        ("param.empty != 'x'", "true"),
        ("param.empty != null", "true"),
        ("1 == '1'", "true"),
        ("true == 'true'", "true"),
        ("param.cached in ['included', 'excluded']", "true"),
        ("param.cached in ['included']", "false"),
        ("param.empty in ['x']", "false"),
        ("1 in ['1']", "true"),
        ("not true", "false"),
        ("not false", "true"),
        ("not param.empty", "true"),
        ("not 'true'", "true"),
        ("present(param.cached)", "true"),
        ("present(param.empty)", "false"),
        ("if(param.cached == 'excluded', a, b)", "a"),
        ("if(present(param.empty), a, b)", "b"),
        ("if(null, a, b)", "b"),
        ("first(param.empty, a, null)", "a"),
        ("first(param.empty, null)", "null"),
        ("first(param.cached, a)", "'excluded'"),
        ("first(null, a, b)", "first(a, b)"),
        ("true and a", "a"),
        ("a and true", "a"),
        ("false and a", "false"),
        ("a and false", "false"),
        ("true or a", "true"),
        ("a or true", "true"),
        ("a or false", "a"),
        ("null or a", "a"),
        ("null and a", "false"),
        ("false or false", "false"),
        ("true and true", "true"),
    ],
)
def test_what_is_constant_is_worked_out(source: str, result: str) -> None:
    assert folded(source) == parse(result)


@pytest.mark.parametrize(
    "source",
    ["a", "a == 'x'", "a in ['x']", "not a", "first(a, 0)", "a + 1", "1 + 2", "lower('A')", "a < 3", "if(a, b, c)"],
)
def test_what_depends_on_the_record_stays(source: str) -> None:
    assert folded(source) == parse(source)


def test_a_branch_that_a_setting_rules_out_is_gone_deep_inside() -> None:
    source = "first(if(param.cached == 'included', a - b, a), 0) + if(not (param.cached == 'excluded'), c, d)"
    assert folded(source) == parse("first(a, 0) + d")


def test_a_named_part_stands_for_its_expression_everywhere() -> None:
    assert folded("x - first(cached, 0)", cached="usage.cached") == parse("x - first(usage.cached, 0)")
    assert folded("not cached in ['1']", cached="a") == parse("not a in ['1']")
    assert folded("if(big, a, b)", big="true") == Path(("a",))


def test_only_a_bare_name_is_a_named_part() -> None:
    assert folded("cached.x", cached="y") == Path(("cached", "x"))
    assert folded("$.cached", cached="y") == parse("$.cached")
    assert folded("$0.cached", cached="y") == parse("$0.cached")


def test_the_path_behind_a_function_stays_with_it() -> None:
    assert folded("json(part).b", part="a") == Call("json", (Path(("a",)),), ("b",))


def test_a_named_part_is_not_folded_twice_into_itself() -> None:
    assert folded("a", a="a") == Path(("a",))
    assert folded("present(a)", a="null") == Const(False)
