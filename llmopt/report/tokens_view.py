"""Counted files for people and for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from llmopt.core.rate import Price
from llmopt.cost.prompts import NOTHING, Dollars, ModelPrice, PromptCost
from llmopt.report.as_json import Json, document, plain
from llmopt.report.table import Cell, Column, Note, Report, Table
from llmopt.tokens.counting.values import Counted, FileCount, TargetTotal
from llmopt.tokens.result import COVERAGE, TokenCount

Costs = Mapping[str, Sequence[PromptCost | None]]
"""By model: what each of its files costs, in the order of the report; None where there is no price."""
_REQUEST_ENDS = ("request_low_usd", "request_high_usd")
_FROM = " (from "
"""In the name of what estimates texts; anything else that is not exact is formatting."""
_MONEY = (
    Column("request_usd", "A request", "money"),
    Column("request_low_usd", "Request low", "money", priority=3, optional=True),
    Column("request_high_usd", "Request high", "money", priority=2, optional=True),
    Column("day_usd", "A day", "money", priority=4, optional=True),
    Column("month_usd", "A month", "money", optional=True),
    Column("month_low_usd", "Month low", "money", priority=3, optional=True),
    Column("month_high_usd", "Month high", "money", priority=2, optional=True),
)


def view(
    result: Counted, costs: Costs | None = None, prices: Mapping[str, ModelPrice] | None = None, *, brief: bool = False
) -> Report:
    """Return the counts: one row a file and model, the totals under them.

    Args:
        result: what was counted.
        costs: what the prompts cost; None: no such columns.
        prices: the row each model was priced at.
        brief: no notes on where the numbers come from.
    """
    tables = [_files(result, costs)]
    if len(result.totals) > 1:
        tables.append(_totals(result, costs))
    notes = [] if brief else [Note(text) for text in _notes(result, costs, prices or {})]
    notes += [Note(text, "warning") for text in _warnings(result, prices or {})]
    return Report("Tokens", _headline(result), tuple(tables), tuple(notes))


def payload(
    result: Counted,
    costs: Costs | None = None,
    prices: Mapping[str, ModelPrice] | None = None,
    *,
    failed_checks: Sequence[str] = (),
) -> dict[str, Json]:
    """Return the counts as the document of `llmopt.tokens/1`; `total` is that of the first model."""
    priced = _by_place(result, costs)
    body: dict[str, Json] = {
        "files": [_file(file, cost) for file, cost in zip(result.files, priced, strict=True)],
        "total": _total(result.totals[0]),
        "totals": [_total(total) for total in result.totals],
        "skipped": [{"path": item.path, "reason": item.reason} for item in result.skipped],
        "notes": list(result.notes),
        "coverage": COVERAGE,
        "failed_checks": list(failed_checks),
    }
    if prices is not None:
        body["prices"] = {model: _price(found) for model, found in prices.items()}
    return document("tokens", body)


def _headline(result: Counted) -> str:
    files = len(result.files) // max(len(result.totals), 1)
    what = f"{files:,} file{'' if files == 1 else 's'}"
    if len(result.totals) != 1:
        return what
    total = result.totals[0]
    unit = "token" if total.count.tokens == 1 else "tokens"
    return f"{_amount(total.count)} {unit} in {what}, by {total.count.tokenizer}"


def _amount(count: TokenCount) -> str:
    """Return `1,234`, or `about 1,234 (1,180 to 1,290)` where it is not exact."""
    if not count.estimated:
        return f"{count.tokens:,}"
    return f"about {count.tokens:,} ({count.low:,} to {count.high:,})"


def _files(result: Counted, costs: Costs | None) -> Table:
    several = len(result.totals) > 1
    single = all(len(file.requests) == 1 for file in result.files)
    exact = not any(file.count.estimated for file in result.files)
    columns = [
        Column("path", "File"),
        Column("model", "Model", optional=not several, priority=0 if several else 3),
        Column("requests", "Requests", "int", priority=4, machine=single),
        Column("tokens", "Tokens", "int"),
        Column("low", "Low", "int", priority=3, machine=exact),
        Column("high", "High", "int", priority=2, machine=exact),
        Column("method", "Method", priority=1),
        Column("tokenizer", "Tokenizer", priority=5),
        Column("overhead_tokens", "Formatting", "int", priority=6, optional=True),
        Column("images", "Images", "int", priority=6, optional=True),
    ]
    if costs is not None:
        columns += _money_columns(costs)
    rows = [
        _cells(file) + (() if costs is None else _money(cost))
        for file, cost in zip(result.files, _by_place(result, costs), strict=True)
    ]
    total = None
    if not several and len(rows) > 1:
        total = _total_cells(result) + (() if costs is None else _money_total(_by_place(result, costs)))
    return Table("files", "", tuple(columns), tuple(rows), total)


def _cells(file: FileCount) -> tuple[Cell, ...]:
    count = file.count
    return (
        file.path,
        file.model,
        len(file.requests),
        count.tokens,
        count.low,
        count.high,
        count.method,
        count.tokenizer,
        file.overhead_tokens,
        file.images,
    )


def _total_cells(result: Counted) -> tuple[Cell, ...]:
    count, files = result.totals[0].count, result.files
    return (
        "total",
        None,
        sum(len(file.requests) for file in files),
        count.tokens,
        count.low,
        count.high,
        count.method,
        None,
        sum(file.overhead_tokens for file in files),
        sum(file.images for file in files),
    )


def _money_columns(costs: Costs) -> list[Column]:
    """Return the columns of dollars; beside a month, the interval of a single request is for machines."""
    monthly = any(cost is not None and cost.month is not None for found in costs.values() for cost in found)
    return [_beside_a_month(column) for column in _MONEY] if monthly else list(_MONEY)


def _beside_a_month(column: Column) -> Column:
    if column.name == "request_usd":
        return replace(column, priority=4)
    return replace(column, machine=column.name in _REQUEST_ENDS)


def _money(cost: PromptCost | None) -> tuple[Cell, ...]:
    if cost is None:
        return (None,) * len(_MONEY)
    request, month = cost.request, cost.month
    if cost.day is None or month is None:
        return (request.usd, *_ends(request), None, None, None, None)
    return (request.usd, *_ends(request), cost.day.usd, month.usd, *_ends(month))


def _ends(amount: Dollars) -> tuple[Cell, Cell]:
    """Return the interval of an amount; nothing where it is exact."""
    exact = amount.low_usd == amount.usd == amount.high_usd
    return (None, None) if exact else (amount.low_usd, amount.high_usd)


def _money_total(costs: Sequence[PromptCost | None]) -> tuple[Cell, ...]:
    """Add up what has a price; a request of each file has no meaning as a sum, a month of all of them does."""
    found = [cost for cost in costs if cost is not None]
    days = [cost.day for cost in found if cost.day is not None]
    months = [cost.month for cost in found if cost.month is not None]
    if not months:
        return (None,) * len(_MONEY)
    month = sum(months, NOTHING)
    return (None, None, None, sum(days, NOTHING).usd, month.usd, *_ends(month))


def _totals(result: Counted, costs: Costs | None) -> Table:
    exact = not any(total.count.estimated for total in result.totals)
    columns = [
        Column("model", "Model"),
        Column("tokens", "Tokens", "int"),
        Column("low", "Low", "int", priority=3, machine=exact),
        Column("high", "High", "int", priority=2, machine=exact),
        Column("estimated_share", "Not exact", "percent", priority=1),
        Column("tokenizer", "Tokenizer", priority=3),
    ]
    rows = [_total_of(total) for total in result.totals]
    if costs is not None:
        columns += _MONEY[3:]
        sums = [_money_total(costs.get(total.model or "", ())) for total in result.totals]
        rows = [row + money[3:] for row, money in zip(rows, sums, strict=True)]
    return Table("totals", "Totals", tuple(columns), tuple(rows))


def _total_of(total: TargetTotal) -> tuple[Cell, ...]:
    count = total.count
    share = Decimal(total.estimated_share).quantize(Decimal("0.0001"))
    return (total.model, count.tokens, count.low, count.high, share, count.tokenizer)


def _notes(result: Counted, costs: Costs | None, prices: Mapping[str, ModelPrice]) -> list[str]:
    notes = []
    inexact = [total.count for total in result.totals if total.count.estimated]
    if any(_FROM in count.tokenizer for count in inexact):
        notes.append(
            f"Low and high hold the true count of {COVERAGE:.0%} of texts like those the estimate was fitted on."
        )
    formatted = [file.count for file in result.files if file.overhead_tokens]
    if any(count.method == "estimated" and _FROM not in count.tokenizer for count in formatted):
        notes.append(
            "Formatting that is not published (tools, newer chat formats) is estimated; its interval is a judgement."
        )
    if any(count.method == "reconstructed" for count in inexact):
        notes.append("Reconstructed counts come from the ctok package, not from the model's maker.")
    notes += [_rate(model, found.price, result) for model, found in prices.items()]
    if prices:
        monthly = any(cost is not None and cost.month is not None for found in (costs or {}).values() for cost in found)
        month = " A month is 30 days." if monthly else ""
        notes.append(f"Dollars are for input alone, uncached; answers are not in them.{month}")
    return notes


def _rate(model: str, price: Price, result: Counted) -> str:
    """Return the rate of a model, and whether requests are so long that they pay another."""
    since = f"since {price.effective_from}" if price.effective_from else "undated"
    rate = price.rates.usd_per_mtok("input_uncached")
    text = f"{model}: ${rate} a million input tokens ({price.price_id}, {price.tier} tier, {since})"
    sizes = [count.tokens for file in result.files if file.model == model for count in file.requests]
    for band in price.bands:
        longer = sum(tokens > band.above_input_tokens for tokens in sizes)
        if longer:
            dearer = band.rates.usd_per_mtok("input_uncached")
            text += f"; ${dearer} above {band.above_input_tokens:,}, which {longer:,} of {len(sizes):,} requests are"
    return f"{text}."


def _warnings(result: Counted, prices: Mapping[str, ModelPrice]) -> list[str]:
    uncounted = dict.fromkeys(what for file in result.files for what in file.uncounted)
    found = [f"not counted: {what}" for what in uncounted]
    replaced = {file.path: file.replaced for file in result.files if file.replaced}
    found += [
        f"{path}: holds bytes that are no text, counted as U+FFFD: {number:,}" for path, number in replaced.items()
    ]
    return [*result.notes, *found, *(text for price in prices.values() for text in price.warnings)]


def _by_place(result: Counted, costs: Costs | None) -> list[PromptCost | None]:
    """Return the cost of each row of the report."""
    if costs is None:
        return [None] * len(result.files)
    turns = {model: iter(found) for model, found in costs.items()}
    return [next(turns[file.model]) if file.model in turns else None for file in result.files]


def _file(file: FileCount, cost: PromptCost | None) -> dict[str, Json]:
    body: dict[str, Json] = {"path": file.path, "model": file.model}
    body |= _count(file.count)
    body |= {
        "requests": len(file.requests),
        "overhead_tokens": file.overhead_tokens,
        "images": file.images,
        "uncounted": list(file.uncounted),
        "estimated_tokens": file.estimated_tokens,
        "replaced": file.replaced,
    }
    if cost is not None:
        body["cost"] = plain(cost)
    return body


def _count(count: TokenCount) -> dict[str, Json]:
    found = plain(count)
    return found if isinstance(found, dict) else {}


def _total(total: TargetTotal) -> dict[str, Json]:
    share = Decimal(total.estimated_share).quantize(Decimal("0.000001"))
    head: dict[str, Json] = {"model": total.model}
    return head | _count(total.count) | {"estimated_tokens": total.estimated_tokens, "estimated_share": str(share)}


def _price(found: ModelPrice) -> Json:
    return plain(found.price)
