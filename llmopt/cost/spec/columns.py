"""Where a spec's paths live in a duckdb relation: columns of a JSON scan, or columns of a table.

A JSON scan names the columns it wants and their types beforehand, so only those paths are ever materialised.
Every leaf is VARCHAR: it keeps the spelling (`true`, `1.5`), which casts to numbers would quietly round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from llmopt.cost.spec.expr import CURRENT, LINE, Call, Const, Expr, Path, Step, children
from llmopt.cost.spec.load import Spec

ATTRIBUTE_VALUES = ("intValue", "stringValue", "doubleValue", "boolValue")
"""OTLP JSON wraps an attribute's value by its type; looked up in this order."""


@dataclass(frozen=True, slots=True)
class Instant:
    """SQL of when something was."""

    ts: str
    """A TIMESTAMP in UTC; null for what is no instant."""
    naive: str
    """A BOOLEAN: had the zone to be assumed?"""
    below: str = ""
    """SQL of a column that both use, to be computed one level below them; empty: there is none."""


class Relation(Protocol):
    """Gives the SQL of a value by path, relative to the row at `level`."""

    columnar: bool
    """Has it columns, of which `cell`, `whole` and `instant` may know more than a text says?"""

    def at(self, base: str, steps: tuple[Step, ...]) -> str | None:
        """Return the VARCHAR at `steps` below `base` (a row alias, or an unnested element); None: no column."""
        ...

    def element(self, base: str, steps: tuple[Step, ...]) -> str | None:
        """Return the list at `steps`; None when the relation has none."""
        ...

    def picked(self, base: str, steps: tuple[Step, ...], pick: Pick) -> str | None:
        """Return the VARCHAR below one element of the list at `steps`."""
        ...

    def raw(self, steps: tuple[Step, ...]) -> str | None:
        """Return the JSON at `steps` of the line, as text; None: no column."""
        ...

    def named(self, steps: tuple[Step, ...]) -> str | None:
        """Return the VARCHAR at `steps` of the line, of a column of just this name; None: no column."""
        ...

    def cell(self, steps: tuple[Step, ...]) -> str | None:
        """Return SQL that is null exactly where the text at `steps` of the line is; None: only the text tells."""
        ...

    def whole(self, steps: tuple[Step, ...]) -> str | None:
        """Return the BIGINT that `whole_number` makes of the text at `steps` of the line; None: only by its text."""
        ...

    def instant(self, steps: tuple[Step, ...], below: str) -> Instant | None:
        """Return what `time_sql` and `naive_sql` make of the text at `steps` of the line; None: only by its text.

        `below` is the name of the column for `Instant.below`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Beside:
    """What is wanted of each line beside what the specs read, by the name of its column in the query."""

    raws: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    """Places whose JSON is wanted as it is, as text."""
    texts: Mapping[str, tuple[tuple[Step, ...], ...]] = field(default_factory=dict)
    """Places whose text is wanted, of the first that is there."""

    def columns(self, relation: Relation) -> list[tuple[str, str]]:
        """Return (name, SQL) of those that a relation has."""
        found = [(name, relation.raw(steps) or "") for name, steps in self.raws.items()]
        for name, places in self.texts.items():
            parts = [f"nullif({sql}, '')" for steps in places if (sql := relation.named(steps))]
            found.append((name, f"coalesce({', '.join(parts)})" if parts else ""))
        return [(name, sql) for name, sql in found if sql]


@dataclass(frozen=True, slots=True)
class Pick:
    """The first element of a list whose `field` is `value`, and the paths below it to try in turn."""

    field: str
    value: str
    paths: tuple[tuple[Step, ...], ...]


def pick_of(call: Call) -> Pick:
    """Return what an `attr(list, 'key')` or `pick(list, 'field', 'value').path` looks for."""
    constants = [str(arg.value) for arg in call.args[1:] if isinstance(arg, Const)]
    if call.name == "attr":
        return Pick("key", constants[0], tuple(("value", name) for name in ATTRIBUTE_VALUES))
    return Pick(constants[0], constants[1], (call.steps,))


def quoted(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def json_path(steps: Iterable[Step]) -> str:
    """Return a duckdb JSON path as an SQL string: `'$."a"[0]'`."""
    parts = [f"[{step}]" if isinstance(step, int) else '."' + step.replace('"', '\\"') + '"' for step in steps]
    return literal("$" + "".join(parts))


@dataclass(slots=True)
class Node:
    """What is wanted of one place in the JSON: its text, fields below it, elements of it, or several of these."""

    text: bool = False
    presence: bool = False
    """Only whether it is there is asked; any shape will do."""
    number: bool = False
    """Wanted as a number only: cheaper than text, and a fraction stays one."""
    raw: bool = False
    """Wanted as JSON, whatever it is."""
    fields: dict[str, Node] = field(default_factory=dict)
    items: Node | None = None

    def below(self, steps: Iterable[Step]) -> Node:
        """Return the node at `steps`, made where it is missing."""
        node = self
        for step in steps:
            if isinstance(step, int):
                node.items = node.items or Node()
                node = node.items
            else:
                node = node.fields.setdefault(step, Node())
        return node

    @property
    def mixed(self) -> bool:
        """Is it wanted in two shapes? Then it is read as JSON and taken apart by path."""
        wanted = sum((self.text, bool(self.fields), self.items is not None))
        folded = {name.lower() for name in self.fields}
        return wanted > 1 or self.raw or len(folded) < len(self.fields)

    def sql_type(self) -> str:
        """Return the duckdb type that holds all that is wanted."""
        if self.mixed:
            return "JSON"
        if self.items is not None:
            return f"{self.items.sql_type()}[]"
        if self.fields:
            inner = ", ".join(f"{quoted(name)} {node.sql_type()}" for name, node in self.fields.items())
            return f"STRUCT({inner})"
        return "DOUBLE" if self.number and not self.text and not self.presence else "VARCHAR"


class JsonRelation:
    """Columns of `read_json` over newline-delimited JSON; collect every spec first, then ask for SQL."""

    columnar = False

    def __init__(self, there: frozenset[str] | None = None) -> None:
        """Begin with nothing wanted.

        Args:
            there: lower-case names of the fields that the lines have; None: not known. The others are not looked for
                in each line again.
        """
        self.top = Node()
        self._there = there
        self._nodes: dict[str, Node] = {"": self.top}

    def collect(self, spec: Spec, expressions: Iterable[Expr]) -> None:
        """Note every path that `expressions` of `spec` need."""
        bases = bases_of(spec)
        for base, (outer, steps) in nested_lists(spec).items():
            node = self._nodes[outer].below(steps)
            node.items = node.items or Node()
            self._nodes[base] = node.items
        for expr in expressions:
            self._want(expr, bases)
        total = spec.fields.get("total")
        if isinstance(total, Path):
            base, prefix = bases.locate(total)
            self._nodes[base].below((*prefix, *total.steps)).number = True

    def collect_beside(self, beside: Beside) -> None:
        """Note places in the line that are wanted beside what specs read."""
        for steps in beside.raws.values():
            self.top.below(steps).raw = True
        for places in beside.texts.values():
            for steps in places:
                self.top.below(steps).text = True

    def columns(self) -> str:
        """Return the `columns` argument of `read_json`."""
        wanted = {name: node for name, node in self.top.fields.items() if self._has(name)}
        wanted = wanted or {"llmopt_nothing": Node(text=True)}
        return "{" + ", ".join(f"{literal(n)}: {literal(node.sql_type())}" for n, node in wanted.items()) + "}"

    def nulls(self) -> list[str]:
        """Return SQL of the columns that no line has."""
        absent = ((name, node) for name, node in self.top.fields.items() if not self._has(name))
        return [f"CAST(NULL AS {node.sql_type()}) AS {quoted(name)}" for name, node in absent]

    def at(self, base: str, steps: tuple[Step, ...]) -> str | None:
        """Return the VARCHAR at `steps` below `base`."""
        return self._access(base, steps)

    def element(self, base: str, steps: tuple[Step, ...]) -> str | None:
        """Return the list at `steps`."""
        return self._access(base, steps)

    def picked(self, base: str, steps: tuple[Step, ...], pick: Pick) -> str | None:
        """Return the VARCHAR below one element of the list at `steps`."""
        items = self._node(base, steps).items
        if items is None:
            return None
        matches = f"lambda llmopt_item: llmopt_item.{quoted(pick.field)} = {literal(pick.value)}"
        found = f"list_filter({self._access(base, steps)}, {matches})[1]"
        return "coalesce(" + ", ".join(self._below(found, items, path) for path in pick.paths) + ")"

    def raw(self, steps: tuple[Step, ...]) -> str | None:
        """Return the JSON at `steps` of the line, as text; None: no column."""
        if not self._has(str(steps[0])):
            return None
        sql, node = "", self.top
        for index, step in enumerate(steps):
            if node.mixed and node is not self.top:
                return f"nullif(CAST(json_extract({sql}, {json_path(steps[index:])}) AS VARCHAR), 'null')"
            sql, node = (f"{sql}.{quoted(str(step))}" if sql else quoted(str(step))), node.below((step,))
        return f"CAST({sql} AS VARCHAR)"

    def named(self, steps: tuple[Step, ...]) -> str | None:
        """Return the VARCHAR at `steps` of the line; None: no column."""
        return self._access("", steps) if self._has(str(steps[0])) else None

    def cell(self, steps: tuple[Step, ...]) -> str | None:
        """JSON says all by its text."""
        return None

    def whole(self, steps: tuple[Step, ...]) -> str | None:
        """JSON says all by its text."""
        return None

    def instant(self, steps: tuple[Step, ...], below: str) -> Instant | None:
        """JSON says all by its text."""
        return None

    def _has(self, name: str) -> bool:
        return self._there is None or name.lower() in self._there

    def _want(self, expr: Expr, bases: Bases) -> None:
        if isinstance(expr, Path):
            base, prefix = bases.locate(expr)
            self._nodes[base].below((*prefix, *expr.steps)).text = True
        elif isinstance(expr, Call) and expr.name in ("attr", "pick") and isinstance(expr.args[0], Path):
            base, prefix = bases.locate(expr.args[0])
            node = self._nodes[base].below((*prefix, *expr.args[0].steps))
            node.items = node.items or Node()
            pick = pick_of(expr)
            for steps in ((pick.field,), *pick.paths):
                node.items.below(steps).text = True
        elif isinstance(expr, Call) and expr.name == "present" and isinstance(expr.args[0], Path):
            base, prefix = bases.locate(expr.args[0])
            self._nodes[base].below((*prefix, *expr.args[0].steps)).presence = True
        else:
            for child in children(expr):
                self._want(child, bases)

    def _node(self, base: str, steps: tuple[Step, ...]) -> Node:
        return self._nodes[base].below(steps)

    def _access(self, base: str, steps: tuple[Step, ...]) -> str:
        return self._below(base, self._nodes[base], steps)

    def _below(self, sql: str, node: Node, steps: tuple[Step, ...]) -> str:
        """Walk from `node` (whose SQL is `sql`) along `steps`; a mixed node is JSON from there on."""
        for index, step in enumerate(steps):
            if node.mixed and node is not self.top:
                return f"json_extract_string({sql}, {json_path(steps[index:])})"
            if isinstance(step, int):
                sql, node = f"{sql}[{step + 1}]", node.below((step,))
            else:
                sql, node = (f"{sql}.{quoted(step)}" if sql else quoted(step)), node.below((step,))
        return f"json_extract_string({sql}, '$')" if node.mixed else sql


@dataclass(frozen=True, slots=True)
class Bases:
    """Where each level of a spec's paths starts: a base and the steps from it."""

    current: tuple[str, tuple[Step, ...]]
    levels: tuple[tuple[str, tuple[Step, ...]], ...]

    def locate(self, path: Path) -> tuple[str, tuple[Step, ...]]:
        """Return the base that `path` starts at and the steps before its own."""
        if path.level == LINE:
            return "", ()
        return self.current if path.level == CURRENT else self.levels[path.level]


def bases_of(spec: Spec) -> Bases:
    """Return the bases of a spec (a variant): the line is `""`, the element of its n-th list `llmopt_e<n>`."""
    elements: list[tuple[str, tuple[Step, ...]]] = [(f"llmopt_e{n + 1}", ()) for n in range(len(spec.rows))]
    levels = elements if spec.in_list else [("", tuple(spec.wrapper)), *elements]
    return Bases(levels[-1], tuple(levels))


def nested_lists(spec: Spec) -> dict[str, tuple[str, tuple[Step, ...]]]:
    """Return element name -> (base, steps) of the list it comes from, outermost first."""
    found: dict[str, tuple[str, tuple[Step, ...]]] = {}
    base, prefix = "", () if spec.in_list else tuple(spec.wrapper)
    for n, steps in enumerate(spec.rows):
        found[f"llmopt_e{n + 1}"] = (base, (*prefix, *steps))
        base, prefix = f"llmopt_e{n + 1}", ()
    return found
