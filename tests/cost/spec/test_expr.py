"""Every form of the language is read as meant, and what is no form of it is refused with its column."""

from __future__ import annotations

import pytest

from llmopt.cost.spec.expr import (
    FUNCTIONS,
    LINE,
    Binary,
    Call,
    Const,
    Expr,
    In,
    Not,
    Param,
    Path,
    children,
    constant_text,
    parse,
    walk,
)
from llmopt.errors import SpecError

A, B, C = Path(("a",)), Path(("b",)), Path(("c",))


@pytest.mark.parametrize(
    ("source", "expr"),
    [
        ("a", A),
        ("a.b.c", Path(("a", "b", "c"))),
        ("a[0].b", Path(("a", 0, "b"))),
        ("a[10][2]", Path(("a", 10, 2))),
        ('a."odd.key"', Path(("a", "odd.key"))),
        ('"Input Tokens"', Path(("Input Tokens",))),
        ('"say \\"x\\"".b', Path(('say "x"', "b"))),
        ("$.a.b", Path(("a", "b"), LINE)),
        ("$", Path((), LINE)),
        ("$0.a", Path(("a",), 0)),
        ("$1.a[0]", Path(("a", 0), 1)),
        ("$12.a", Path(("a",), 12)),
        ("_a1", Path(("_a1",))),
        ("first.name", Path(("first", "name"))),
        ("in_list", Path(("in_list",))),
        ("a.and", Path(("a", "and"))),
        ("a.null", Path(("a", "null"))),
    ],
)
def test_paths(source: str, expr: Expr) -> None:
    assert parse(source) == expr


@pytest.mark.parametrize(
    ("source", "expr"),
    [
        ("'text'", Const("text")),
        ("'it\\'s'", Const("it's")),
        ("'a\\\\b'", Const("a\\b")),
        ("''", Const("")),
        ("' kept '", Const(" kept ")),
        ("12", Const(12)),
        ("007", Const(7)),
        ("true", Const(True)),
        ("false", Const(False)),
        ("null", Const(None)),
        ("param.cached", Param("cached")),
        ("param.a.b", Path(("param", "a", "b"))),
        ("param", Path(("param",))),
    ],
)
def test_constants_and_settings(source: str, expr: Expr) -> None:
    assert parse(source) == expr


@pytest.mark.parametrize(
    ("source", "expr"),
    [
        ("first(a)", Call("first", (A,))),
        ("first(a, b, 0)", Call("first", (A, B, Const(0)))),
        ("first(a, b,)", Call("first", (A, B))),
        ("if(a, b, null)", Call("if", (A, B, Const(None)))),
        ("present(a)", Call("present", (A,))),
        ("starts(a, 'p')", Call("starts", (A, Const("p")))),
        ("contains(lower(a), 'p')", Call("contains", (Call("lower", (A,)), Const("p")))),
        ("time(first(a, b))", Call("time", (Call("first", (A, B)),))),
        ("attr(a, 'x.y')", Call("attr", (A, Const("x.y")))),
        ("attr($1.a.b, 'x')", Call("attr", (Path(("a", "b"), 1), Const("x")))),
        ("pick(a, 'f', 'v').b[0].c", Call("pick", (A, Const("f"), Const("v")), ("b", 0, "c"))),
        ("pick(a, 'f', 'v')", Call("pick", (A, Const("f"), Const("v")))),
        ('json(a)."odd key".b', Call("json", (A,), ("odd key", "b"))),
        ("json(a)[0]", Call("json", (A,), (0,))),
        ("between(a, b)", Call("between", (A, B))),
        ("milli(a)", Call("milli", (A,))),
        ("carry(a)", Call("carry", (A,))),
        ("object('x', a)", Call("object", (Const("x"), A))),
    ],
)
def test_calls(source: str, expr: Expr) -> None:
    assert parse(source) == expr


def test_every_function_has_been_called_above() -> None:
    assert set(FUNCTIONS) == {
        *("first", "if", "present", "starts", "contains", "lower", "time", "attr", "pick", "json", "between"),
        *("milli", "carry", "object"),
    }


@pytest.mark.parametrize(
    ("source", "expr"),
    [
        ("a + b - c", Binary("-", Binary("+", A, B), C)),
        ("a - b - c", Binary("-", Binary("-", A, B), C)),
        ("a - (b - c)", Binary("-", A, Binary("-", B, C))),
        ("a == b + c", Binary("==", A, Binary("+", B, C))),
        ("a + b >= c", Binary(">=", Binary("+", A, B), C)),
        ("a < b and b <= c", Binary("and", Binary("<", A, B), Binary("<=", B, C))),
        ("a or b and c", Binary("or", A, Binary("and", B, C))),
        ("(a or b) and c", Binary("and", Binary("or", A, B), C)),
        ("a or b or c", Binary("or", Binary("or", A, B), C)),
        ("not a and b", Binary("and", Not(A), B)),
        ("not not a", Not(Not(A))),
        ("not a == b", Not(Binary("==", A, B))),
        ("not (a and b)", Not(Binary("and", A, B))),
        ("a != 'x'", Binary("!=", A, Const("x"))),
        ("a > 1", Binary(">", A, Const(1))),
        ("a in ['x', 'y']", In(A, ("x", "y"))),
        ("a in ['x',]", In(A, ("x",))),
        ("a in []", In(A, ())),
        ("a in [1, true, 'z']", In(A, ("1", "true", "z"))),
        ("a + 1 in ['2'] and b", Binary("and", In(Binary("+", A, Const(1)), ("2",)), B)),
        ("not a in ['x']", Not(In(A, ("x",)))),
        ("a[0]in['x']", In(Path(("a", 0)), ("x",))),
    ],
)
def test_operators_bind_as_one_expects(source: str, expr: Expr) -> None:
    assert parse(source) == expr


def test_blanks_and_the_newlines_of_toml_texts_mean_nothing() -> None:
    assert parse("\n  first(a,\n\tb,\r\n 0 )\n  -  c\n") == parse("first(a,b,0)-c")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "expression '': ends too early"),
        ("   ", "expression '   ': ends too early"),
        ("a +", "expression 'a +': ends too early"),
        ("(a", "expression '(a': ends too early"),
        ("first(a,", "expression 'first(a,': ends too early"),
        ("a.", "expression 'a.': ends too early"),
        ("a b", "expression 'a b': unexpected 'b' at column 3"),
        ("a)", "expression 'a)': unexpected ')' at column 2"),
        ("a == b == c", "expression 'a == b == c': unexpected '==' at column 8"),
        ("+ a", "expression '+ a': unexpected '+' at column 1"),
        ("and", "expression 'and': unexpected 'and' at column 1"),
        ("a * b", "expression 'a * b': cannot read from column 2"),
        ("a; b", "expression 'a; b': cannot read from column 2"),
        ("'open", 'expression "\'open": cannot read from column 1'),
        ("a.1", "expression 'a.1': a path goes on with a name, not '1' at column 3"),
        ("a.'b'", "expression \"a.'b'\": a path goes on with a name, not \"'b'\" at column 3"),
        ("a[0", "expression 'a[0': ends too early"),
        ("a[b]", "expression 'a[b]': unexpected '[' at column 2"),
        ("(a b", "expression '(a b': expected ')', not 'b' at column 4"),
        ("first(a b)", "expression 'first(a b)': expected ',', not 'b' at column 9"),
        ("a in 'x'", "expression \"a in 'x'\": expected '[', not \"'x'\" at column 6"),
        ("a in ['x' 'y']", "expression \"a in ['x' 'y']\": expected ',', not \"'y'\" at column 11"),
        ("a in [b, c]", "expression 'a in [b, c]': a list holds constants, not ',' at column 8"),
        ("a in [null]", "expression 'a in [null]': a list holds constants, not ']' at column 11"),
        ("a in ['']", "expression \"a in ['']\": the empty text equals nothing: ']' at column 9"),
        ("a in ['x'", "expression \"a in ['x'\": ends too early"),
        ("nosuch(a)", "expression 'nosuch(a)': no such function: 'nosuch' at column 1"),
        ("a or exec(b)", "expression 'a or exec(b)': no such function: 'exec' at column 6"),
        ("if(a, b)", "expression 'if(a, b)': if() takes 3 to 3 arguments"),
        ("first()", "expression 'first()': first() takes 1 to 20 arguments"),
        ("starts(a, b)", "expression 'starts(a, b)': starts() looks for a constant text in quotes"),
        ("contains(a, 1)", "expression 'contains(a, 1)': contains() looks for a constant text in quotes"),
        ("attr('x', 'y')", "expression \"attr('x', 'y')\": the first argument of attr() is a path"),
        ("attr(a, b)", "expression 'attr(a, b)': attr() looks for a constant text in quotes"),
        ("pick(first(a), 'f', 'v')", "expression \"pick(first(a), 'f', 'v')\": the first argument of pick() is a path"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_column(source: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(source)
    assert caught.value.message == message


def test_a_constant_in_comparisons_is_a_text() -> None:
    assert [constant_text(value) for value in (True, False, 12, "Text")] == ["true", "false", "12", "Text"]


@pytest.mark.parametrize("source", ["a", "a.b[0].c", "$.a", "$0.a", "$1.a[2]"])
def test_a_path_is_shown_as_it_is_written(source: str) -> None:
    assert str(parse(source)) == source


def test_walk_visits_everything() -> None:
    expr = parse("if(not a in ['x'], first(b, 0) + c, 'y')")
    assert {str(node) for node in walk(expr) if isinstance(node, Path)} == {"a", "b", "c"}
    assert sum(isinstance(node, Const) for node in walk(expr)) == 2
    assert children(A) == children(Const(1)) == children(Param("x")) == ()
