"""Take what earlier runs have read of files that are gone over to a new set: nobody can read them again.

A new version of llmopt or duckdb reads everything anew, as it may read the same line otherwise. What is gone stays as
the old version has read it. Where something else differs (the groups, a format, how repeats are told), the old figures
do not fit, and the files are named instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from llmopt.cost.state.changes import Known, Listed, compare
from llmopt.cost.state.open_rows import write_rows
from llmopt.cost.state.store import Set, Store

_VERSIONS = {"llmopt", "duckdb", "formats"}


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of files that are gone."""

    files: tuple[str, ...] = ()
    """Taken over."""
    lost: tuple[str, ...] = ()
    """Not taken over."""


def carry_over(store: Store, described: Mapping[str, str], target: Set, listed: Sequence[Listed]) -> Carried:
    """Take over what is gone from the newest other set; inside a transaction.

    Args:
        store: the state.
        described: what every set is kept by, of the new one.
        target: the new set.
        listed: the files that are there.
    """
    earlier = {number: other for number, other in store.described().items() if number != target.id}
    if not earlier:
        return Carried()
    newest = max(earlier)
    known = [item for item in store.known(newest) if item.fate != "dropped"]
    gone = compare(known, listed).gone
    names = tuple(item.shown for item in gone)
    if any(described[name] != earlier[newest].get(name) for name in described if name not in _VERSIONS):
        return Carried(lost=names)
    _copy(store, target, gone)
    return Carried(files=names)


def _copy(store: Store, target: Set, gone: Sequence[Known]) -> None:
    """Write files of another set down in this one."""
    first = store.free_number()
    numbers = {item.id: first + index for index, item in enumerate(gone)}
    named = sorted({item.rows for item in gone if item.rows})
    rows = ""
    if named:
        path = store.new_rows()
        with_rows = {item.id: numbers[item.id] for item in gone if item.rows}
        written = write_rows([str(store.row_path(name)) for name in named], with_rows, path)
        store.add_rows(target.id, path, written.records)
        store.change_set(replace(target, variants=frozenset(written.variants)))
        rows = path.name
    parts = dict(store.parts(numbers))
    for item in gone:
        copied = replace(item, id=numbers[item.id], rows=rows if item.rows else "", fate="added")
        store.add_file(target.id, copied, parts[item.id])
