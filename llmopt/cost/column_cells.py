"""Single values out of the batches of `llmopt.cost.column_scan`."""

from __future__ import annotations

from typing import Any

from llmopt.cost.arrow import Texts
from llmopt.cost.csv_files import plain
from llmopt.cost.spec.expr import Const, Path
from llmopt.cost.spec.load import Spec


def text_at(texts: Texts | None, row: int) -> str | None:
    """Return a text; None where there is none."""
    raw = None if texts is None else texts[row]
    return None if raw is None else raw.decode("utf-8", "surrogatepass")


def cell(value: Any) -> Any:
    """Return a cell of a table as a record holds it."""
    if isinstance(value, str):
        return plain(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def along(record: Any, path: Path) -> Any:
    """Return what a path leads to."""
    for step in path.steps:
        record = record.get(step) if isinstance(record, dict) else None
    return record


def tier_of(spec: Spec, word: str | None) -> str | None:
    """Return the tier of a record; None for a word that is none."""
    given = spec.fields.get("tier")
    word = str(given.value) if isinstance(given, Const) and given.value else word
    return spec.tier_map.get(word.lower()) if word else "default"


def constant_provider(spec: Spec) -> str | None:
    """Return the provider that all records of a format have; None where they differ."""
    value = spec.fields.get("provider")
    return str(value.value) if isinstance(value, Const) and value.value is not None else None
