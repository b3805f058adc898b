"""An audit of the semantic cache for people and for machines: hits at thresholds, and the pairs behind them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from llmopt.report.as_json import Json, document, plain
from llmopt.report.figures import cell, plural, share
from llmopt.report.table import Cell, Column, Note, Report, Table
from llmopt.report.text import exact
from llmopt.serving.cache.semantic.audit import AtThreshold, Audit, Judged, Share

LISTED = 20
"""Pairs of a kind that are shown, unless somebody asks for more."""
_TEXT = 72
"""Characters of a question in a table."""
_LEVELS = (
    Column("threshold", "Threshold"),
    Column("guard", "Guard"),
    Column("true_hits", "True hits", "int"),
    Column("same", "Of", "int", priority=4),
    Column("true_share", "True rate", "percent"),
    Column("true_low", "True low", "percent", priority=2),
    Column("true_high", "True high", "percent", priority=2),
    Column("false_hits", "False hits", "int"),
    Column("different", "Of", "int", priority=4),
    Column("false_share", "False rate", "percent"),
    Column("false_low", "False low", "percent", priority=3),
    Column("false_high", "False high", "percent", priority=1),
)
_PAIRS = (
    Column("cosine", "Cosine", "number"),
    Column("refusal", "Guard says", optional=True),
    Column("a", "One"),
    Column("b", "Other"),
    Column("where", "Where", priority=1, optional=True),
)


def view(result: Audit, *, top: int = LISTED) -> Report:
    """Return the hits at each threshold, and the pairs that were served wrongly or kept back.

    Args:
        result: what the audit found.
        top: pairs shown of each kind; JSON has all.
    """
    least = _threshold(result.at[0])
    tables = [
        Table("thresholds", "Hits by threshold", _LEVELS, tuple(row for level in result.at for row in _rows(level))),
        _pairs("false_hits", f"Served wrongly at {least}", result.false_hits, top),
        _pairs("refused_false_hits", f"Kept back rightly at {least}", result.refused_false_hits, top),
        _pairs("refused_true_hits", f"Kept back for nothing at {least}", result.refused_true_hits, top),
    ]
    return Report("Semantic cache", _headline(result), tuple(table for table in tables if table.rows), _notes(result))


def payload(result: Audit, *, model: str, failed_checks: Sequence[str] = ()) -> dict[str, Json]:
    """Return the audit as the document of `llmopt.cache.audit/1`.

    Args:
        result: what the audit found.
        model: whose vectors they are.
        failed_checks: a line for each check that does not hold.
    """
    body = plain(result)
    assert isinstance(body, dict)  # noqa: S101 - a dataclass becomes a dict
    return document("cache.audit", {"model": model, **body, "failed_checks": list(failed_checks)})


def false_hits(level: AtThreshold) -> Share:
    """Return the false hits that the cache would have served: with the guard, where it was asked."""
    return level.false_hits if level.guarded_false_hits is None else level.guarded_false_hits


def _true_hits(level: AtThreshold) -> Share:
    return level.true_hits if level.guarded_true_hits is None else level.guarded_true_hits


def _headline(result: Audit) -> str:
    """Say what happens at 0.95, the least that the cache takes, or else at the lowest threshold above it."""
    level = next((one for one in result.at if one.threshold >= 0.95), result.at[-1])
    right, wrong = _true_hits(level), false_hits(level)
    guard = "with the guard" if result.guarded else "without the guard"
    return (
        f"At {_threshold(level)} {guard}: {right.count:,} of {plural(right.of, 'pair')} that say the same"
        f" would be hits, and {wrong.count:,} of {wrong.of:,} that do not."
    )


def _notes(result: Audit) -> tuple[Note, ...]:
    notes = [
        Note("Low and high: Wilson's interval, 95 %. No false hit in a few pairs does not show that there is none.")
    ]
    level = next((one for one in result.at if one.threshold >= 0.95), result.at[-1])
    wrong = false_hits(level)
    if wrong.of:
        notes.append(Note(f"At {_threshold(level)} up to {share(wrong.high)} of such pairs may be false hits."))
    else:
        notes.append(Note("No pair says something else: nothing is known of false hits.", "warning"))
    if result.unread:
        said = "is empty, or longer than the cache or the model reads, and never a hit"
        notes.append(Note(f"{plural(result.unread, 'pair')}: a text {said}.", "warning"))
    if not result.guarded:
        notes.append(Note("Without the guard; the cache never serves without it.", "warning"))
    return tuple(notes)


def _rows(level: AtThreshold) -> list[tuple[Cell, ...]]:
    rows = [_row(level, "no", level.true_hits, level.false_hits)]
    if level.guarded_true_hits is not None and level.guarded_false_hits is not None:
        rows.append(_row(level, "yes", level.guarded_true_hits, level.guarded_false_hits))
    return rows


def _row(level: AtThreshold, guard: str, right: Share, wrong: Share) -> tuple[Cell, ...]:
    return (_threshold(level), guard, *_share(right), *_share(wrong))


def _share(found: Share) -> tuple[Cell, ...]:
    if not found.of:
        return (found.count, found.of, None, None, None)
    return (found.count, found.of, cell(found.count / found.of), cell(found.low), cell(found.high))


def _pairs(name: str, title: str, found: Sequence[Judged], top: int) -> Table:
    rows = tuple(_pair(one) for one in found[:top])
    left = len(found) - len(rows)
    more = (Note(f"{left:,} more; --format json lists all."),) if left else ()
    return Table(name, title, _PAIRS, rows, notes=more)


def _pair(judged: Judged) -> tuple[Cell, ...]:
    found = cell(judged.cosine)
    rounded = None if found is None else found.quantize(Decimal("0.0001"))
    return (rounded, judged.refusal, _short(judged.pair.a), _short(judged.pair.b), judged.pair.where)


def _short(text: str) -> str:
    """Return a question in one line, the middle of a long one left out."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _TEXT else f"{flat[: _TEXT // 2]} ... {flat[-_TEXT // 2 :]}"


def _threshold(level: AtThreshold) -> str:
    return exact(cell(level.threshold))
