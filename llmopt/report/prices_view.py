"""Views of the price table: a list of models, one model, what changed, what is wrong, what was added."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from llmopt.core.money import exact_text
from llmopt.core.rate import Rates
from llmopt.core.usage import BUCKETS
from llmopt.cost.pricing.diff import Change
from llmopt.cost.pricing.lint import Finding
from llmopt.cost.pricing.listing import Listed, Row, Shown
from llmopt.cost.pricing.refresh import Refreshed
from llmopt.report.table import Cell, Column, Note, Report, Table

SHORT = {
    "input_uncached": "input",
    "input_cache_read": "cache read",
    "input_cache_write_5m": "cache write",
    "input_cache_write_1h": "cache write 1h",
    "input_audio": "audio in",
    "input_image": "image in",
    "output_text": "output",
    "output_reasoning": "reasoning",
    "output_audio": "audio out",
    "output_image": "image out",
}
MAIN = ("input_uncached", "input_cache_read", "output_text")
PER_MTOK = Note("Rates are US dollars per million tokens.")


def list_view(models: Sequence[Listed]) -> Report:
    """Return one line a model."""
    columns = (
        Column("provider", "provider"),
        Column("model", "model"),
        *(Column(bucket, SHORT[bucket], "int") for bucket in MAIN),
        Column("bands", "long context", priority=2),
        Column("tiers", "tiers", priority=1),
        Column("effective_from", "since", "date", priority=3),
        Column("rows", "rows", "int", priority=4),
    )
    rows = tuple(
        (
            one.provider,
            one.model,
            *(getattr(one.rates, bucket) for bucket in MAIN),
            ", ".join(f"> {band.above_input_tokens:,}" for band in one.bands),
            ", ".join(one.tiers),
            one.effective_from,
            one.rows,
        )
        for one in models
    )
    return Report("Prices", _count(len(models), "model"), (Table("models", "", columns, rows, notes=(PER_MTOK,)),))


def show_view(shown: Shown) -> Report:
    """Return every row of one model."""
    rates = [row.price.rates for row in shown.rows] + [band.rates for row in shown.rows for band in row.price.bands]
    used = [bucket for bucket in BUCKETS if any(getattr(one, bucket) is not None for one in rates)]
    columns = (
        Column("tier", "tier"),
        Column("effective_from", "since", "date"),
        Column("applies", "applies", priority=1),
        *(Column(bucket, SHORT[bucket], "int") for bucket in used),
        Column("other", "other units", priority=5),
        Column("confidence", "confidence", priority=4),
        Column("checked", "checked", "date", priority=3),
        Column("source", "source", priority=2),
    )
    rows = tuple(line for row in shown.rows for line in _row_lines(row, used))
    tables = [Table("rows", "", columns, rows, notes=(PER_MTOK,))]
    if shown.rules:
        tables.append(_rules(shown))
    resolved = shown.resolved
    notes = [Note(text) for text in _facts(shown)]
    return Report(f"{resolved.provider}/{resolved.model}", f"matched by: {resolved.rule}", tuple(tables), tuple(notes))


def _row_lines(row: Row, used: Sequence[str]) -> list[tuple[Cell, ...]]:
    """Return the line of a row and one for each of its bands."""
    price = row.price
    units = [f"{name} {amount}" for name, amount in row.units.items()]
    if price.usd_per_request is not None:
        units.append(f"request {exact_text(price.usd_per_request)}")
    head: tuple[Cell, ...] = (price.tier, price.effective_from)
    tail: tuple[Cell, ...] = (", ".join(units), price.confidence, row.checked, price.source)
    always = "never: history knows better" if row.set_aside else row.hours and f"{row.hours} UTC"
    lines = [(*head, always, *_amounts(price.rates, used), *tail)]
    for band in price.bands:
        applies = f"> {band.above_input_tokens:,} input tokens ({band.rule})"
        lines.append((*head, always if row.set_aside else applies, *_amounts(band.rates, used), *tail))
    return lines


def _amounts(rates: Rates, used: Sequence[str]) -> tuple[Cell, ...]:
    return tuple(getattr(rates, bucket) for bucket in used)


def _rules(shown: Shown) -> Table:
    columns = (
        Column("tier", "tier"),
        Column("effective_from", "since", "date"),
        Column("multiplier", "share of the default rate"),
        Column("source", "source", priority=1),
    )
    rows = tuple((rule.tier, rule.effective_from, rule.multiplier, rule.source) for rule in shown.rules)
    return Table("rules", "Where a tier has no row of its own", columns, rows)


def _facts(shown: Shown) -> list[str]:
    facts = []
    if shown.aliases:
        facts.append(f"also called: {', '.join(shown.aliases)}")
    if shown.context_tokens:
        facts.append(f"context: {shown.context_tokens:,} tokens")
    if shown.note:
        facts.append(f"note: {shown.note}")
    facts += [f"{row.price.price_id}: {row.note}" for row in shown.rows if row.note]
    return facts


def diff_view(changes: Sequence[Change], before: str, after: str) -> Report:
    """Return what differs between two sides that are called `before` and `after`."""
    columns = (
        Column("provider", "provider", priority=2),
        Column("model", "model"),
        Column("tier", "tier", priority=1),
        Column("rate", "rate"),
        Column("before", before, "int"),
        Column("after", after, "int"),
        Column("factor", "after / before", "percent"),
    )
    rows = tuple(
        (one.provider, one.model, one.tier, _rate_name(one.rate), one.before, one.after, one.factor) for one in changes
    )
    models = len({(one.provider, one.model) for one in changes})
    headline = f"{_count(len(changes), 'rate')} of {_count(models, 'model')}" if changes else "No difference."
    return Report(
        f"Prices: {before} against {after}", headline, (Table("changes", "", columns, rows, notes=(PER_MTOK,)),)
    )


def _rate_name(rate: str) -> str:
    bucket, _, rest = rate.partition(" ")
    return " ".join(part for part in (SHORT.get(bucket, bucket), rest) if part)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def check_view(findings: Sequence[Finding], day: date | None) -> Report:
    """Return what the lint found."""
    columns = (Column("file", "file"), Column("where", "where"), Column("message", "message"))
    rows = tuple((one.file, one.where, one.message) for one in findings)
    checked = f", checked {day}" if day else ""
    headline = _count(len(findings), "finding") if findings else f"Nothing wrong{checked}."
    return Report("Price files", headline, (Table("findings", "", columns, rows),))


def refresh_view(done: Refreshed) -> Report:
    """Return what a refresh added."""
    columns = (
        Column("provider", "provider"),
        Column("model", "model"),
        Column("new", "new model"),
        Column("rows", "rows added", "int"),
    )
    rows = tuple((one.provider, one.model, "yes" if one.new_model else "no", len(one.rows)) for one in done.additions)
    headline = f"{_count(len(done.written), 'file')} written from {done.generator}" if done.written else "Nothing new."
    return Report("Price refresh", headline, (Table("additions", "", columns, rows),))
