"""Expressions of the format-spec language: the syntax tree and its parser.

The language has paths, constants, a dozen functions, whole-number arithmetic and comparisons; no loops, no
names to define, no way out. Whatever is not in this file cannot be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llmopt.errors import SpecError

Step = str | int
CURRENT = -1
"""Level of a path that starts at the row (the body behind a wrapper, or the innermost list element)."""
LINE = -2
"""Level of `$`: the whole line, around any wrapper."""


@dataclass(frozen=True, slots=True)
class Path:
    """A value by path. `level` is `CURRENT`, `LINE` (`$`), 0 for `$0` (the body) or n for `$n` (an outer element)."""

    steps: tuple[Step, ...]
    level: int = CURRENT

    def __str__(self) -> str:
        text = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in self.steps).lstrip(".")
        prefix = {CURRENT: "", LINE: "$."}.get(self.level, f"${self.level}.")
        return prefix + text


@dataclass(frozen=True, slots=True)
class Const:
    """A constant."""

    value: str | int | bool | None


@dataclass(frozen=True, slots=True)
class Param:
    """A setting of the run, replaced by a constant when the spec is compiled."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; `steps` is the path behind `json(x)` or `pick(…)`."""

    name: str
    args: tuple[Expr, ...]
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    """`+ - == != < <= > >= and or` on two operands."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class In:
    """Is the text of `item` one of `values`?"""

    item: Expr
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Negation; a null operand counts as false."""

    operand: Expr


Expr = Path | Const | Param | Call | Binary | In | Not

FUNCTIONS: dict[str, tuple[int, int]] = {
    "first": (1, 20),
    "if": (3, 3),
    "present": (1, 1),
    "starts": (2, 2),
    "contains": (2, 2),
    "lower": (1, 1),
    "time": (1, 1),
    "attr": (2, 2),
    "pick": (3, 3),
    "json": (1, 1),
    "between": (2, 2),
    "milli": (1, 1),
    "carry": (1, 1),
    "object": (2, 20),
}
"""Function -> fewest and most arguments."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.)*')
      | (?P<number>\d+)
      | (?P<root>\$\d*)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<op>==|!=|<=|>=|[-+<>()\[\],.])
    )""",
    re.VERBOSE,
)
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
MAX_TOKENS = 600
"""Words and signs that an expression may have."""
MAX_DEPTH = 50
"""Parentheses and calls inside each other that an expression may have."""
_WORDS = {"and", "or", "not", "in"}
_COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}


def parse(source: str) -> Expr:
    """Parse one expression.

    Raises:
        SpecError: with the column of the first thing that does not fit.
    """
    return _Parser(source).parse()


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the direct operands of `expr`."""
    match expr:
        case Call(args=args):
            return args
        case Binary(left=left, right=right):
            return (left, right)
        case In(item=item):
            return (item,)
        case Not(operand=operand):
            return (operand,)
        case _:
            return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield `expr` and everything below it."""
    yield expr
    for child in children(expr):
        yield from walk(child)


class _Parser:
    """Recursive descent, one method a level of precedence."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = list(self._scan())
        if sum(1 for _, text, _ in self.tokens if text != "not") > MAX_TOKENS:
            raise SpecError(f"expression {self.source[:40]!r}: longer than {MAX_TOKENS} words and signs")
        self.at = 0
        self.depth = 0

    def parse(self) -> Expr:
        expr = self._or()
        if self.at < len(self.tokens):
            raise self._error("unexpected")
        return expr

    def _scan(self) -> Iterator[tuple[str, str, int]]:
        position = 0
        end = len(self.source.rstrip())
        while position < end:
            found = _TOKEN.match(self.source, position)
            if found is None or found.lastgroup is None:
                raise SpecError(f"expression {self.source!r}: cannot read from column {position + 1}")
            yield found.lastgroup, found.group(found.lastgroup), found.start(found.lastgroup)
            position = found.end()

    def _error(self, what: str) -> SpecError:
        if self.at < len(self.tokens):
            _, text, column = self.tokens[self.at]
            return SpecError(f"expression {self.source!r}: {what} {text!r} at column {column + 1}")
        return SpecError(f"expression {self.source!r}: ends too early")

    def _peek(self, *texts: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at][0] != "text" and self.tokens[self.at][1] in texts

    def _take(self, *texts: str) -> bool:
        if self._peek(*texts):
            self.at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._error(f"expected {text!r}, not")

    def _or(self) -> Expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise SpecError(f"expression {self.source[:40]!r}: nested deeper than {MAX_DEPTH} levels")
        left = self._and()
        while self._take("or"):
            left = Binary("or", left, self._and())
        self.depth -= 1
        return left

    def _and(self) -> Expr:
        left = self._not()
        while self._take("and"):
            left = Binary("and", left, self._not())
        return left

    def _not(self) -> Expr:
        negations = 0
        while self._take("not"):
            negations += 1
        inner = self._comparison()
        return Not(inner if negations % 2 else Not(inner)) if negations else inner

    def _comparison(self) -> Expr:
        left = self._sum()
        if self._take("in"):
            return In(left, self._texts())
        if self._peek(*_COMPARISONS):
            op = self.tokens[self.at][1]
            self.at += 1
            return Binary(op, left, self._sum())
        return left

    def _texts(self) -> tuple[str, ...]:
        self._expect("[")
        values: list[str] = []
        while not self._take("]"):
            item = self._term()
            if not isinstance(item, Const) or item.value is None:
                raise self._error("a list holds constants, not")
            if item.value == "":
                raise self._error("the empty text equals nothing:")
            values.append(constant_text(item.value))
            if not self._peek("]"):
                self._expect(",")
        return tuple(values)

    def _sum(self) -> Expr:
        left = self._term()
        while self._peek("+", "-"):
            op = self.tokens[self.at][1]
            self.at += 1
            left = Binary(op, left, self._term())
        return left

    def _term(self) -> Expr:
        if self.at >= len(self.tokens):
            raise self._error("")
        kind, text, _ = self.tokens[self.at]
        self.at += 1
        if kind == "text":
            return Const(_unquote(text))
        if kind == "number":
            return Const(int(text))
        if kind == "root":
            return Path(self._steps(), int(text[1:]) if text[1:] else LINE)
        if kind == "quoted":
            return Path((_unquote(text), *self._steps()))
        if kind == "name" and text not in _WORDS:
            return self._named(text)
        if text == "(":
            inner = self._or()
            self._expect(")")
            return inner
        self.at -= 1
        raise self._error("unexpected")

    def _named(self, name: str) -> Expr:
        if self._peek("("):
            return self._call(name)
        if name in _CONSTANTS:
            return Const(_CONSTANTS[name])
        steps = self._steps()
        if name == "param" and len(steps) == 1:
            return Param(str(steps[0]))
        return Path((name, *steps))

    def _call(self, name: str) -> Expr:
        if name not in FUNCTIONS:
            self.at -= 1
            raise self._error("no such function:")
        self._expect("(")
        args: list[Expr] = []
        while not self._take(")"):
            args.append(self._or())
            if not self._peek(")"):
                self._expect(",")
        fewest, most = FUNCTIONS[name]
        if not fewest <= len(args) <= most:
            raise SpecError(f"expression {self.source!r}: {name}() takes {fewest} to {most} arguments")
        _check_arguments(self.source, name, args)
        return Call(name, tuple(args), self._steps() if name in ("json", "pick") else ())

    def _steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while True:
            if self._take("."):
                kind, text, _ = self.tokens[self.at] if self.at < len(self.tokens) else ("", "", 0)
                if kind not in ("name", "quoted"):
                    raise self._error("a path goes on with a name, not")
                self.at += 1
                steps.append(_unquote(text) if kind == "quoted" else text)
            elif self._peek("[") and self.at + 1 < len(self.tokens) and self.tokens[self.at + 1][0] == "number":
                steps.append(int(self.tokens[self.at + 1][1]))
                self.at += 2
                self._expect("]")
            else:
                return tuple(steps)


def constant_text(value: str | int | bool) -> str:
    """Return a constant as comparisons see it: `true`, `12`, `text`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_arguments(source: str, name: str, args: list[Expr]) -> None:
    """Refuse arguments that a function cannot take, so that both compilers may rely on them."""
    constants = args[1:] if name in ("starts", "contains", "attr", "pick") else args[::2] if name == "object" else []
    if not all(isinstance(arg, Const) and isinstance(arg.value, str) for arg in constants):
        raise SpecError(f"expression {source!r}: {name}() looks for a constant text in quotes")
    if name == "object" and len(args) % 2:
        raise SpecError(f"expression {source!r}: object() takes pairs of a name and a value")
    if name in ("attr", "pick") and not isinstance(args[0], Path):
        raise SpecError(f"expression {source!r}: the first argument of {name}() is a path")


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
