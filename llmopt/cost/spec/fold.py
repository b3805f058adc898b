"""Put the run's settings into an expression, and fold what is constant then.

Folding is not for speed alone: a branch that a setting rules out must not make the engine read its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from llmopt.cost.spec.expr import CURRENT, Binary, Call, Const, Expr, In, Not, Param, Path, constant_text


def bind(expr: Expr, params: Mapping[str, str | None], lets: Mapping[str, Expr]) -> Expr:
    """Return `expr` with settings and named parts put in, folded.

    Args:
        expr: as parsed.
        params: `param.x` -> its constant (null when absent).
        lets: name -> the expression (already bound) that a path of just that name stands for.
    """
    match expr:
        case Param(name=name):
            return Const(params.get(name))
        case Path(steps=(str() as name,), level=level) if level == CURRENT and name in lets:
            return lets[name]
        case Call(args=args):
            return _fold_call(replace(expr, args=tuple(bind(arg, params, lets) for arg in args)))
        case Binary(left=left, right=right):
            return _fold_binary(replace(expr, left=bind(left, params, lets), right=bind(right, params, lets)))
        case In(item=item, values=values):
            bound = bind(item, params, lets)
            if isinstance(bound, Const):
                return Const(bound.value is not None and constant_text(bound.value) in values)
            return replace(expr, item=bound)
        case Not(operand=operand):
            inner = bind(operand, params, lets)
            return Const(inner.value is not True) if isinstance(inner, Const) else Not(inner)
        case _:
            return expr


def _fold_call(call: Call) -> Expr:
    if call.name == "if" and isinstance(call.args[0], Const):
        return call.args[1] if call.args[0].value is True else call.args[2]
    if call.name == "present" and isinstance(call.args[0], Const):
        return Const(call.args[0].value is not None)
    if call.name == "first":
        args = tuple(arg for arg in call.args if arg != Const(None))
        if not args:
            return Const(None)
        return args[0] if len(args) == 1 or isinstance(args[0], Const) else replace(call, args=args)
    return call


def _fold_binary(expr: Binary) -> Expr:
    left, right = expr.left, expr.right
    if expr.op in ("and", "or"):
        return _fold_logic(expr)
    if not (isinstance(left, Const) and isinstance(right, Const)):
        return expr
    if expr.op in ("==", "!="):
        same = left.value not in (None, "") and right.value not in (None, "")
        same = same and constant_text(left.value or 0) == constant_text(right.value or 0)
        return Const(same if expr.op == "==" else not same)
    return expr


def _fold_logic(expr: Binary) -> Expr:
    decisive = expr.op == "or"
    for this, other in ((expr.left, expr.right), (expr.right, expr.left)):
        if isinstance(this, Const):
            return Const(decisive) if (this.value is True) == decisive else other
    return expr
