"""The lines under a report on compressed files: what was counted how, and what a stable prefix is worth."""

from __future__ import annotations

from collections.abc import Iterator

from llmopt.core.money import exact_text
from llmopt.prompts.files.values import FileResult
from llmopt.report.compress_money import Pricing, Saving
from llmopt.report.compress_shown import Shown
from llmopt.report.estimate_view import short
from llmopt.report.table import Note


def notes_of(shown: Shown, *, brief: bool) -> Iterator[Note]:
    """Yield the notes of a report; only warnings where it is to be brief."""
    pricing = shown.pricing
    if not brief:
        for file in shown.files:
            if file.held is not None:
                yield Note(prefix_line(file, shown.saving(file), pricing))
        if any(file.before.estimated for file in shown.files):
            yield Note("Tokens are estimated: the tokenizer of this model is not public.")
        if pricing is not None:
            yield Note(_rate(pricing))
        if any(len(file.requests) > 1 for file in shown.files):
            yield Note("Tokens are those of the texts, without what the chat format adds to them.")
    for text in pricing.found.warnings if pricing is not None else ():
        yield Note(text, "warning")


def prefix_line(file: FileResult, saving: Saving | None, pricing: Pricing | None) -> str:
    """Return what a stable prefix holds, what that forgoes, and what a change of it would cost."""
    if file.held is None:
        return ""
    held, forgone = file.held.tokens, file.held.forgone_tokens
    text = f"{file.source.shown}: the stable prefix holds {held:,} tokens; without it {forgone:,} more would go."
    miss = saving.miss if saving is not None else None
    if miss is None or pricing is None:
        return f"{text} --model NAME says what a change would cost."
    if miss.cached_usd_per_mtok is None or miss.request_usd is None:
        return f"{text} {pricing.model} has no rate for cached input, so a change costs nothing there."
    rates = f"${exact_text(miss.missed_usd_per_mtok)} instead of ${exact_text(miss.cached_usd_per_mtok)} a million"
    month = f", {short(miss.month_usd)} a month if all do" if miss.month_usd is not None else ""
    return (
        f"{text} A change costs {short(miss.request_usd)} more for each request that misses the cache ({rates}){month}."
    )


def _rate(pricing: Pricing) -> str:
    price = pricing.found.price
    since = f"since {price.effective_from}" if price.effective_from else "undated"
    rate = price.rates.usd_per_mtok("input_uncached")
    text = f"{pricing.model}: ${rate} a million input tokens ({price.price_id}, {price.tier} tier, {since})."
    if pricing.per_day is None:
        return text
    return (
        f"{text} Dollars are what {pricing.per_day:,} requests a day with each file save, uncached; a month is 30 days."
    )
