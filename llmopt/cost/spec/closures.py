"""Turn expressions into Python closures over the frames of one record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, assert_never

import msgspec

from llmopt.cost.spec.expr import CURRENT, LINE, Binary, Call, Const, Expr, In, Not, Param, Path, Step
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.row import MAX_AGGREGATE, MAX_COUNT
from llmopt.cost.spec.values import BadCount, to_count, to_money, to_text, to_time, whole


@dataclass(slots=True)
class Frames:
    """Where the paths of one row start, and what earlier lines of the file left behind."""

    line: Any
    levels: list[Any]
    """The body, then one element for each nested list."""
    carried: dict[int, Any]
    """`carry()` call -> last value that was not null; lives as long as the file."""
    place: tuple[int, ...] = ()
    """Position in each nested list, from 1."""


Value = Callable[[Frames], Any]
Count = Callable[[Frames], int | None]


class Closures:
    """Turns expressions into closures over `Frames`."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.stateful = False
        self._shift = 1 if spec.in_list else 0

    def truth(self, expr: Expr) -> Callable[[Frames], bool]:
        """Compile a condition; null and every value but true count as false."""
        value = self.value(expr)
        return lambda frames: (found := value(frames)) is True or found == "true"

    def text(self, expr: Expr) -> Callable[[Frames], str | None]:
        """Compile to text; the empty text counts as absent."""
        value = self.value(expr)
        return lambda frames: to_text(value(frames)) or None

    def count(self, expr: Expr, *, signed: bool = False) -> Count:
        """Compile to a whole number; raises `BadCount` at a value that is none.

        Args:
            expr: what to compile.
            signed: take any whole number of 64 bits, as what is only sorted by may be.
        """
        match expr:
            case Binary(op="+" | "-" as op, left=left, right=right):
                first, second = self.count(left, signed=signed), self.count(right, signed=signed)
                return _add(first, second, 1 if op == "+" else -1)
            case Call(name="first", args=args):
                return _first([self.count(arg, signed=signed) for arg in args])
            case Call(name="if", args=(condition, then, other)):
                test = self.truth(condition)
                yes, no = self.count(then, signed=signed), self.count(other, signed=signed)
                return lambda frames: yes(frames) if test(frames) else no(frames)
            case Const(value=int(constant)) if not isinstance(constant, bool) and constant <= MAX_COUNT:
                return lambda _: constant
            case _:
                value = self.value(expr)
                label, limit = _label(expr), MAX_AGGREGATE if self.spec.aggregate else MAX_COUNT
                least, most = (-(2**63), 2**63 - 1) if signed else (0, limit)
                return lambda frames: to_count(value(frames), label, most, least)

    def value(self, expr: Expr) -> Value:
        """Compile to whatever the record holds."""
        match expr:
            case Const(value=constant):
                return lambda _: constant
            case Path(steps=steps, level=level):
                return self._path(steps, level)
            case In(item=item, values=values):
                text, allowed = self.text(item), frozenset(values)
                return lambda frames: text(frames) in allowed
            case Not(operand=operand):
                test = self.truth(operand)
                return lambda frames: not test(frames)
            case Binary():
                return self._binary(expr)
            case Call():
                return self._call(expr)
            case Param():
                return lambda _: None
        assert_never(expr)

    def _path(self, steps: tuple[Step, ...], level: int) -> Value:
        if level == LINE:
            return lambda frames: get(frames.line, steps)
        index = level if level == CURRENT else level + self._shift
        names = tuple(step for step in steps if isinstance(step, str))
        if len(names) == len(steps) > 0:
            return _member(index, names[0]) if len(names) == 1 else _inner_member(index, names)
        return lambda frames: get(frames.levels[index], steps)

    def _binary(self, expr: Binary) -> Value:
        op = expr.op
        if op in ("+", "-"):
            return self.count(expr)
        if op in ("and", "or"):
            one, two = self.truth(expr.left), self.truth(expr.right)
            return (lambda f: one(f) and two(f)) if op == "and" else (lambda f: one(f) or two(f))
        if op in ("==", "!="):
            left, right = self.text(expr.left), self.text(expr.right)
            return lambda frames: _same(left(frames), right(frames)) == (op == "==")
        low, high = self._plain(expr.left), self._plain(expr.right)
        return lambda frames: _compare(op, low, high, frames)

    def _plain(self, expr: Expr) -> Count:
        """A count in a comparison: of any size, and null where it is none."""
        if isinstance(expr, Binary) and expr.op in ("+", "-"):
            return _add(self._plain(expr.left), self._plain(expr.right), 1 if expr.op == "+" else -1)
        value = self.value(expr)
        return lambda frames: whole(value(frames))

    def _call(self, call: Call) -> Value:
        values = [self.value(arg) for arg in call.args]
        if call.name == "if":
            test = self.truth(call.args[0])
            return lambda f: values[1](f) if test(f) else values[2](f)
        if call.name == "carry":
            return self._carry(call, values[0])
        if call.name == "first":
            return _first(values)
        function = _FUNCTIONS[call.name]
        return lambda f: get(function(*(read(f) for read in values)), call.steps)

    def _carry(self, call: Call, value: Value) -> Value:
        self.stateful = True
        slot = id(call)

        def carried(frames: Frames) -> Any:
            found = value(frames)
            if found is not None:
                frames.carried[slot] = found
            return frames.carried.get(slot)

        return carried


def _first(reads: list[Callable[[Frames], Any]]) -> Callable[[Frames], Any]:
    """Return the function that reads the first value that is there."""

    def first(frames: Frames) -> Any:
        for read in reads:
            found = read(frames)
            if found is not None:
                return found
        return None

    return first


def _member(index: int, name: str) -> Value:
    """Walk one step: most paths are a name or two, and much of the time of reading a log goes here."""
    return lambda frames: here.get(name) if isinstance(here := frames.levels[index], dict) else None


def _inner_member(index: int, names: tuple[str, ...]) -> Value:
    """Walk a step for each name."""

    def read(frames: Frames) -> Any:
        here = frames.levels[index]
        for name in names:
            if not isinstance(here, dict):
                return None
            here = here.get(name)
        return here

    return read


def get(value: Any, steps: tuple[Step, ...]) -> Any:
    """Walk down a decoded value; null where any step is missing."""
    for step in steps:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _attribute(attributes: Any, key: str) -> Any:
    """Look up an OpenTelemetry attribute (OTLP JSON: values are wrapped by type)."""
    for item in attributes if isinstance(attributes, list) else []:
        if isinstance(item, dict) and item.get("key") == key:
            wrapped = item.get("value")
            names = ("intValue", "stringValue", "doubleValue", "boolValue")
            return (
                next((wrapped[n] for n in names if wrapped.get(n) is not None), None)
                if isinstance(wrapped, dict)
                else None
            )
    return None


def _picked(items: Any, field: str, wanted: str) -> Any:
    """Return the first object of a list whose `field` is `wanted`."""
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and to_text(item.get(field)) == wanted:
            return item
    return None


def _object(*parts: Any) -> dict[str, Any] | None:
    """Put names and values together; what is null is left out, and null comes of nothing."""
    return {name: value for name, value in zip(parts[::2], parts[1::2], strict=True) if value is not None} or None


def _scaled(milliseconds: Decimal | None) -> str | None:
    return None if milliseconds is None else str(milliseconds / 1000)


def _seconds(start: datetime | None, end: datetime | None) -> str | None:
    return (
        None if start is None or end is None else str(Decimal((end - start) // timedelta(microseconds=1)) / 1_000_000)
    )


def _decoded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def _same(left: str | None, right: str | None) -> bool:
    return left is not None and left == right


def _compare(op: str, low: Count, high: Count, frames: Frames) -> bool:
    try:
        left, right = low(frames), high(frames)
    except BadCount:
        return False
    if left is None or right is None:
        return False
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]


def _add(first: Count, second: Count, sign: int) -> Count:
    def total(frames: Frames) -> int | None:
        left, right = first(frames), second(frames)
        return None if left is None or right is None else left + sign * right

    return total


def _label(expr: Expr) -> str:
    match expr:
        case Path():
            return str(expr)
        case Call(name="attr", args=(_, Const(value=str(key)))):
            return key
        case Call(name="json", steps=steps):
            return ".".join(str(step) for step in steps)
    return "a count"


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "present": lambda value: value is not None,
    "starts": lambda value, part: value is not None and (to_text(value) or "").startswith(part),
    "contains": lambda value, part: value is not None and part in (to_text(value) or ""),
    "lower": lambda value: None if value is None else (to_text(value) or "").lower(),
    "time": lambda value: value,
    "attr": _attribute,
    "pick": _picked,
    "json": _decoded,
    "object": _object,
    "milli": lambda value: _scaled(to_money(value)),
    "between": lambda start, end: _seconds(to_time(start)[0], to_time(end)[0]),
}
"""Function -> what it makes of its arguments' values; `if`, `first` and `carry` do not evaluate all of theirs."""
