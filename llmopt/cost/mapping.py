"""The user's own column names: `--map column=field` lays them over the generic format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from llmopt.cost.spec.expr import Binary, Call, Const, Expr, Path
from llmopt.cost.spec.load import COUNT_FIELDS, FIELDS, LOGGED_TEXTS, Spec
from llmopt.errors import UsageError

ALIASES = {
    "input_tokens": "input_uncached",
    "prompt_tokens": "input_uncached",
    "output_tokens": "output_text",
    "completion_tokens": "output_text",
    "cached_tokens": "input_cache_read",
    "cache_read_tokens": "input_cache_read",
    "cache_write_tokens": "input_cache_write_5m",
    "reasoning_tokens": "output_reasoning",
    "time": "timestamp",
    "cost": "reported_usd",
}
"""Plain names of canonical fields."""


def mapped_specs(specs: tuple[Spec, ...], mapping: Mapping[str, str]) -> tuple[Spec, ...]:
    """Return the specs with the generic one reading the user's columns.

    Raises:
        UsageError: a field that does not exist.
    """
    if not mapping:
        return specs
    return tuple(_mapped(spec, mapping) if spec.name == "generic" else spec for spec in specs)


def _mapped(spec: Spec, mapping: Mapping[str, str]) -> Spec:
    columns: dict[str, Path] = {}
    for column, field in mapping.items():
        name = ALIASES.get(field, field)
        if name not in FIELDS:
            names = ", ".join(sorted({*ALIASES, *FIELDS}))
            raise UsageError(f"--map {column}={field}: no such field {field!r}", f"one of {names}")
        columns[name] = Path(tuple(column.split(".")))
    fields: dict[str, Expr] = dict(spec.fields)
    for name, path in columns.items():
        fields[name] = Call("first", (path, Const(0))) if _may_lack(name) else path
    used: Expr = spec.usage
    for name in ("input_uncached", "output_text"):
        if name in columns:
            used = Binary("or", Call("present", (columns[name],)), used)
    detect, guard = spec.detect, spec.guard
    for name, path in columns.items():
        detect = Binary("or", Call("present", (path,)), detect)
        guard = guard if name in LOGGED_TEXTS else Binary("or", Call("present", (path,)), guard)
    return replace(spec, fields=fields, usage=used, detect=detect, guard=guard, priority=1000)


def _may_lack(name: str) -> bool:
    return name in COUNT_FIELDS and name not in ("input_uncached", "output_text", "total", "requests")
