"""An estimate for people and for machines."""

from __future__ import annotations

from decimal import Decimal

from llmopt.core.money import dollars, exact_text
from llmopt.core.usage import BUCKETS
from llmopt.cost.estimate import Estimate
from llmopt.report.as_json import Json, document, plain
from llmopt.report.table import Column, Note, Report, Table


def view(result: Estimate) -> Report:
    """Return an estimate: the answer in one sentence, and how it comes about."""
    price = result.price
    since = f"since {price.effective_from}" if price.effective_from else "undated"
    notes = [
        Note(f"Priced as {price.provider}/{price.model} ({result.resolved.rule}), {price.tier} tier, {since}."),
        Note(f"Source: {price.source}"),
    ]
    if result.band:
        notes.insert(1, Note(f"Long-context rates apply: {result.band}."))
    notes += [Note(text, "warning") for text in result.warnings]
    return Report("Estimate", headline(result), (_tokens(result),), tuple(notes))


def headline(result: Estimate) -> str:
    """Return `$0.033 a call, $33,000 a day, $990,000 a month (30 days)`."""
    call = f"{short(result.request_usd)} a call"
    return f"{call}, {short(result.day_usd)} a day, {short(result.month_usd)} a month (30 days)"


def short(amount: Decimal) -> str:
    """Return dollars as briefly as they are exact: `$0.033`, `$33,000`; long fractions are rounded."""
    text = exact_text(amount)
    whole, _, fraction = text.partition(".")
    if amount >= 1 and len(fraction) > 2:
        return dollars(amount)
    if len(fraction) > 6 and amount >= Decimal("0.000001"):
        return dollars(amount)
    return f"${int(whole):,}{'.' if fraction else ''}{fraction.ljust(2, '0') if amount >= 1 and fraction else fraction}"


def _tokens(result: Estimate) -> Table:
    rates = result.price.rates
    for band in result.price.bands:
        if result.usage.input_tokens > band.above_input_tokens:
            rates = band.rates
    columns = (
        Column("bucket", "tokens of a call"),
        Column("tokens", "count", "int"),
        Column("usd_per_mtok", "USD per million", "int"),
    )
    used = [bucket for bucket in BUCKETS if getattr(result.usage, bucket)]
    rows = tuple((bucket, getattr(result.usage, bucket), rates.usd_per_mtok(bucket)) for bucket in used)
    return Table("tokens", "", columns, rows)


def payload(result: Estimate) -> dict[str, Json]:
    """Return an estimate as the document of `llmopt.estimate/1`."""
    body = plain(result)
    assert isinstance(body, dict)  # noqa: S101 - a dataclass becomes a dict
    return document("estimate", body)
