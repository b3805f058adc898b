"""Read format-spec files (TOML) into `Spec` values: every expression parsed, every key checked."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

from llmopt.core.usage import BUCKETS, TIERS
from llmopt.cost.spec.expr import Binary, Call, Const, Expr, Path, children, parse, walk
from llmopt.cost.spec.fold import bind
from llmopt.errors import SpecError

FORMATS_DIR = FilePath(__file__).parent.parent / "formats"

LOGGED_TEXTS = ("prompt", "response")
"""Fields with what was said, read only of records without usage, one by one."""
TEXT_FIELDS = ("request_id", "provider", "model", "tier", "prompt_hash", *LOGGED_TEXTS)
GROUP_FIELDS = ("user", "team", "feature", "project", "session")
COUNT_FIELDS = (*BUCKETS, "total", "requests")
MONEY_FIELDS = ("reported_usd", "latency_s", "ttft_s")
FIELDS = (*TEXT_FIELDS, *GROUP_FIELDS, *COUNT_FIELDS, *MONEY_FIELDS, "timestamp")
"""Every canonical field a spec may give an expression for."""

WRAPPERS: tuple[tuple[str, ...], ...] = ((), ("response",), ("body",), ("data",), ("response", "body"), ("result",))
"""Where a bare API body may stand inside a log line, tried in this order."""
LIST_WRAPPERS = ("data",)
"""Keys whose list may hold bodies (an API page)."""

DEFAULT_TIERS = {tier: tier for tier in TIERS} | {"standard": "default", "auto": "default", "on_demand": "default"}
_CONDITIONS = ("detect", "guard", "skip", "usage", "free", "failed")
_KEYS = {"name", "title", "source", "priority", "rows", "wrappers", "aggregate"}
_TABLES = {"let", "fields", "tier_map", "dedupe", "tree", "ask"}
FALSE = Const(False)
MAX_NODES = 50_000
"""Parts that all expressions of a spec may have together."""


@dataclass(frozen=True, slots=True)
class Dedupe:
    """Records with equal `key`s are one response; the one with the greatest `order` is kept."""

    key: tuple[Expr, ...]
    order: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """How a span names itself and its parent: a parent repeats the usage of its children."""

    id: tuple[Expr, ...]
    parent: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """One log format: how a record is recognised, what each canonical field is, what becomes of it."""

    name: str
    title: str
    source: str
    priority: int
    detect: Expr
    """Is this record of this format?"""
    guard: Expr
    """The same question among the records of a file known to hold this format; may look at fewer columns."""
    fields: dict[str, Expr]
    skip: Expr
    usage: Expr
    free: Expr
    failed: Expr
    chains: tuple[tuple[tuple[str, ...], ...], ...] = ((),)
    """Where the rows of a record may be: chains of paths of nested lists."""
    rows: tuple[tuple[str, ...], ...] = ()
    """The chain of this variant; a row is an innermost element. None: the record is the row."""
    wrappers: tuple[tuple[str, ...], ...] = ()
    """Where the body may stand inside the line; empty: only bare."""
    wrapper: tuple[str, ...] = ()
    """The wrapper of this variant; `data[]` where bodies stand in a list."""
    aggregate: bool = False
    tier_map: dict[str, str] = field(default_factory=dict)
    dedupe: Dedupe | None = None
    tree: Tree | None = None
    ask: dict[str, Expr] = field(default_factory=dict)
    """Setting -> condition under which a record cannot be read without it."""
    variant: str = field(init=False, compare=False)
    """Name with wrapper and list: `openai-chat`, `openai-chat@response.body`."""

    def __post_init__(self) -> None:
        """Put the name together, once: it is asked for with every record."""
        place = [*self.wrapper, *(".".join(steps) + "[]" for steps in self.rows)]
        object.__setattr__(self, "variant", self.name + (f"@{'.'.join(place)}" if place else ""))

    @property
    def in_list(self) -> bool:
        """Do the bodies stand in a list, which is then the first of `rows`?"""
        return self.wrapper[-1:] in {(f"{key}[]",) for key in LIST_WRAPPERS}

    @property
    def has_texts(self) -> bool:
        """May a record without usage be counted from its text?"""
        return any(name in self.fields for name in LOGGED_TEXTS)

    @property
    def carries(self) -> bool:
        """Does it carry values from line to line?"""
        calls = (node for expr in self.expressions() for node in walk(expr) if isinstance(node, Call))
        return any(call.name == "carry" for call in calls)

    def expressions(self) -> list[Expr]:
        """Return every expression of the spec, fields first."""
        listed = [*self.fields.values(), self.detect, self.guard, self.skip, self.usage, self.free, self.failed]
        if self.dedupe:
            listed += [*self.dedupe.key, *self.dedupe.order]
        if self.tree:
            listed += [*self.tree.id, *self.tree.parent]
        return [*listed, *self.ask.values()]


def variants(spec: Spec) -> list[Spec]:
    """Return `spec` at every place where its record may stand, bare first."""
    found: list[Spec] = []
    for chain in spec.chains:
        found += [replace(spec, rows=chain, wrapper=wrapper) for wrapper in spec.wrappers or ((),)]
        if spec.wrappers:
            found += [replace(spec, rows=((key,), *chain), wrapper=(f"{key}[]",)) for key in LIST_WRAPPERS]
    return found


def other_chains(spec: Spec) -> list[tuple[str, ...]]:
    """Return where, in the whole line, the first lists of the spec's other chains would stand."""
    prefix = () if spec.in_list else spec.wrapper
    own = spec.rows[1:] if spec.in_list else spec.rows
    return [(*prefix, *chain[0]) for chain in spec.chains if chain and chain != own]


def is_time(expr: Expr) -> bool:
    """Is the value of an expression an instant?"""
    return isinstance(expr, Call) and expr.name == "time"


def load_spec(path: FilePath, params: Mapping[str, str | None] | None = None) -> Spec:
    """Read one spec file.

    Args:
        path: a TOML file as `docs/format-specs.md` describes it.
        params: settings of the run; an absent one is null.

    Raises:
        SpecError: naming the file and the key.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SpecError(f"{path}: {error}", "see docs/format-specs.md") from error
    try:
        return _spec(raw, params or {})
    except SpecError as error:
        raise SpecError(f"{path}: {error.message}", error.hint or "see docs/format-specs.md") from error


@functools.cache
def _shipped(params: tuple[tuple[str, str | None], ...]) -> tuple[Spec, ...]:
    return tuple(load_spec(path, dict(params)) for path in sorted(FORMATS_DIR.glob("*.toml")))


def load_specs(extra: tuple[FilePath, ...] = (), params: Mapping[str, str | None] | None = None) -> list[Spec]:
    """Return the shipped specs and the user's, most specific (highest priority) first.

    A user's spec replaces a shipped one of the same name.
    """
    by_name = {spec.name: spec for spec in _shipped(tuple(sorted((params or {}).items())))}
    for path in extra:
        spec = load_spec(path, params)
        by_name[spec.name] = spec
    return sorted(by_name.values(), key=lambda spec: (-spec.priority, spec.name))


def _spec(raw: dict[str, object], params: Mapping[str, str | None]) -> Spec:
    unknown = set(raw) - _KEYS - _TABLES - set(_CONDITIONS)
    if unknown:
        raise SpecError(f"unknown key {sorted(unknown)[0]!r}")
    if "detect" not in raw:
        raise SpecError("a spec needs `detect`")
    reader = _Reader(params)
    for name, text in _table(raw, "let").items():
        reader.lets[name] = reader.expr(f"let.{name}", text)
    exprs = {key: reader.expr(key, raw[key]) for key in _CONDITIONS if key in raw}
    fields = {key: reader.expr(f"fields.{key}", text) for key, text in _table(raw, "fields").items()}
    bad = set(fields) - set(FIELDS)
    if bad:
        raise SpecError(f"unknown field {sorted(bad)[0]!r}", f"fields are {', '.join(FIELDS)}")
    aggregate = raw.get("aggregate", False)
    if not isinstance(aggregate, bool):
        raise SpecError("`aggregate` must be true or false")
    asks = {name: text for name, text in _table(raw, "ask").items() if params.get(name) is None}
    spec = Spec(
        name=_text(raw, "name"),
        title=_text(raw, "title"),
        source=_text(raw, "source"),
        priority=_int(raw.get("priority", 50)),
        detect=exprs["detect"],
        guard=exprs.get("guard", exprs["detect"]),
        fields=fields,
        skip=exprs.get("skip", FALSE),
        usage=exprs.get("usage", _default_usage(fields)),
        free=exprs.get("free", FALSE),
        failed=exprs.get("failed", FALSE),
        chains=_chains(raw.get("rows", [])),
        wrappers=_wrappers(raw.get("wrappers", False)),
        aggregate=aggregate,
        tier_map=DEFAULT_TIERS | _tiers(_table(raw, "tier_map")),
        dedupe=reader.dedupe(_table(raw, "dedupe"), fields),
        tree=reader.tree(_table(raw, "tree")),
        ask={name: reader.expr(f"ask.{name}", text) for name, text in asks.items()},
    )
    _check(spec)
    return spec


def _check(spec: Spec) -> None:
    """Refuse what parses but cannot be compiled.

    Raises:
        SpecError: an empty name, a path from a list that is not there, an attribute of what is no list.
    """
    if not spec.name:
        raise SpecError("`name` is empty")
    if sum(1 for expr in spec.expressions() for _ in walk(expr)) > MAX_NODES:
        raise SpecError(f"more than {MAX_NODES:,} parts, lets put in")
    queried = replace(spec, fields={name: expr for name, expr in spec.fields.items() if name not in LOGGED_TEXTS})
    if any(isinstance(node, Call) and node.name == "object" for expr in queried.expressions() for node in walk(expr)):
        raise SpecError(f"object() is for {' and '.join(LOGGED_TEXTS)} alone")
    deepest = min(len(chain) for chain in spec.chains)
    for node in (node for expr in spec.expressions() for node in walk(expr)):
        if isinstance(node, Path) and node.level > deepest:
            raise SpecError(f"`{node}`: there are only {deepest} lists in `rows`")
        if isinstance(node, Call) and node.name in ("attr", "pick") and not isinstance(node.args[0], Path):
            raise SpecError(f"the first argument of {node.name}() must be a path to a list")


class _Reader:
    """Parses expressions with the run's settings and the spec's named parts."""

    def __init__(self, params: Mapping[str, str | None]) -> None:
        self.params = params
        self.lets: dict[str, Expr] = {}

    def expr(self, key: str, text: object) -> Expr:
        if isinstance(text, bool):
            return Const(text)
        if not isinstance(text, str):
            raise SpecError(f"`{key}` must be an expression in quotes")
        try:
            return bind(parse(text), self.params, self.lets)
        except SpecError as error:
            raise SpecError(f"`{key}`: {error.message}") from error

    def all(self, key: str, texts: object) -> tuple[Expr, ...]:
        return tuple(self.expr(key, text) for text in _texts(key, texts))

    def dedupe(self, raw: dict[str, object], fields: Mapping[str, Expr]) -> Dedupe | None:
        if not raw:
            return None
        _only("dedupe", raw, {"key", "order"})
        order = _texts("dedupe.order", raw.get("order", []))
        exprs = tuple(fields[text] if text in fields else self.expr("dedupe.order", text) for text in order)
        return Dedupe(self.all("dedupe.key", raw.get("key")), exprs)

    def tree(self, raw: dict[str, object]) -> Tree | None:
        if not raw:
            return None
        _only("tree", raw, {"id", "parent"})
        return Tree(self.all("tree.id", raw.get("id")), self.all("tree.parent", raw.get("parent")))


def _default_usage(fields: Mapping[str, Expr]) -> Expr:
    """Usage is reported when a path behind the input or output count holds something."""
    paths: dict[Expr, None] = {}
    for name in ("input_uncached", "output_text"):
        if name in fields:
            paths.update(dict.fromkeys(_values(fields[name])))
    present: Expr | None = None
    for node in paths:
        test = Call("present", (node,))
        present = test if present is None else Binary("or", present, test)
    return present or FALSE


def _values(expr: Expr) -> Iterator[Expr]:
    """Yield the values of the record that an expression is made of, not the lists that they are picked from."""
    if _is_value(expr):
        yield expr
    else:
        for child in children(expr):
            yield from _values(child)


def _is_value(node: Expr) -> bool:
    return isinstance(node, Path) or (isinstance(node, Call) and node.name in ("attr", "json", "pick"))


def _chains(raw: object) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """`["a.b", "c"]` is one chain of lists, `[["a"], ["b", "c"]]` are two."""
    if isinstance(raw, list) and raw and all(isinstance(item, list) for item in raw):
        return tuple(tuple(tuple(step.split(".")) for step in _texts("rows", chain)) for chain in raw)
    return (tuple(tuple(step.split(".")) for step in _texts("rows", raw)),)


def _wrappers(raw: object) -> tuple[tuple[str, ...], ...]:
    if isinstance(raw, bool):
        return WRAPPERS if raw else ()
    return WRAPPERS + tuple(tuple(text.split(".")) for text in _texts("wrappers", raw))


def _tiers(raw: dict[str, object]) -> dict[str, str]:
    bad = [str(tier) for tier in raw.values() if tier not in TIERS]
    if bad:
        raise SpecError(f"`tier_map`: {bad[0]!r} is no tier", f"tiers are {', '.join(TIERS)}")
    return {key.lower(): str(tier) for key, tier in raw.items()}


def _table(raw: Mapping[str, object], key: str) -> dict[str, object]:
    value = raw.get(key, {})
    if not isinstance(value, dict):
        raise SpecError(f"`{key}` must be a table")
    return value


def _only(table: str, raw: Mapping[str, object], known: set[str]) -> None:
    unknown = set(raw) - known
    if unknown:
        raise SpecError(f"unknown key {sorted(unknown)[0]!r} in `{table}`")


def _text(raw: Mapping[str, object], key: str) -> str:
    value = raw.get(key, "" if key != "name" else None)
    if not isinstance(value, str):
        raise SpecError(f"`{key}` must be a text")
    return value


def _texts(key: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SpecError(f"`{key}` must be a list of texts")
    return value


def _int(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise SpecError("`priority` must be a whole number")
    return value
