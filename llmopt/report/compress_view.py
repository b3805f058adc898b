"""Compressed files for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from llmopt.core.money import EXACT
from llmopt.prompts.audit import Finding, by_rule, findings
from llmopt.prompts.files.values import FileResult
from llmopt.report.as_json import Json, document, plain
from llmopt.report.compress_money import Saving
from llmopt.report.compress_notes import notes_of
from llmopt.report.compress_shown import Shown
from llmopt.report.estimate_view import short
from llmopt.report.table import Cell, Column, Report, Table
from llmopt.report.text import percent
from llmopt.tokens.result import TokenCount

_SHARE = Decimal("0.000001")


def view(shown: Shown, *, brief: bool = False) -> Report:
    """Return what was saved: a row a file, a row a rule.

    Args:
        shown: the files.
        brief: no notes on where the numbers come from.
    """
    found = findings(shown.files)
    tables = [_files(shown)]
    if found:
        tables.append(rules_table(found, sum(file.before.tokens for file in shown.files)))
    return Report("Compressed", headline(shown.files), tuple(tables), tuple(notes_of(shown, brief=brief)))


def headline(files: Sequence[FileResult]) -> str:
    """Return `1,234 -> 890 tokens (-27.9%) in 3 files, by o200k_base`."""
    if not files:
        return "nothing was compressed"
    before, after = (_sum(files, after=after) for after in (False, True))
    number = f"in {len(files):,} file{'' if len(files) == 1 else 's'}"
    return f"{_change(before, after)} {number}, by {before.tokenizer}"


def line_of(file: FileResult, saving: Saving | None, model: str = "") -> str:
    """Return the summary of one file: `path: 1,234 -> 890 tokens (-27.9%), by o200k_base`."""
    text = f"{file.source.shown}: {_change(file.before, file.after)}, by {file.before.tokenizer}"
    if saving is not None and saving.month_usd is not None:
        text += f", saves {short(saving.month_usd)} a month on {model}"
    return text


def share(part: int, whole: int) -> Decimal:
    """Return a share of tokens, to the millionth; 0 of nothing."""
    return EXACT.divide(Decimal(part), Decimal(whole)).quantize(_SHARE, context=EXACT) if whole else Decimal(0)


def rules_table(found: Sequence[Finding], tokens: int) -> Table:
    """Return what each rule took away.

    Args:
        found: the removals.
        tokens: of the originals.
    """
    columns = (
        Column("rule", "Rule"),
        Column("removals", "Removals", "int", priority=2),
        Column("tokens", "Tokens", "int"),
        Column("share", "Of all", "percent", priority=1),
    )
    rows = tuple((one.rule, one.removals, one.tokens, share(one.tokens, tokens)) for one in by_rule(found))
    return Table("rules", "By rule", columns, rows)


def payload(shown: Shown) -> dict[str, Json]:
    """Return the files as the document of `llmopt.compress/1`."""
    files = shown.files
    before, after = (sum(count.tokens for count in _counts(files, after=after)) for after in (False, True))
    total: dict[str, Json] = {
        "files": len(files),
        "tokens_before": before,
        "tokens_after": after,
        "saved_tokens": before - after,
        "saved_share": plain(share(before - after, before)),
    }
    if shown.savings is not None:
        months = [saving.month_usd for saving in shown.savings.values() if saving.month_usd is not None]
        total["month_usd"] = plain(sum(months, Decimal(0)) if months else None)
    body: dict[str, Json] = {
        "level": shown.level,
        "files": [_file(file, shown) for file in files],
        "total": total,
        "rules": plain(by_rule(findings(files))),
        "skipped": [{"path": item.path, "reason": item.reason} for item in shown.skipped],
        "failed_checks": list(shown.failed_checks),
    }
    if shown.pricing is not None:
        body["price"] = {"model": shown.pricing.model, **_object(plain(shown.pricing.found.price))}
    return document("compress", body)


def _files(shown: Shown) -> Table:
    columns = (
        Column("path", "File"),
        Column("requests", "Requests", "int", priority=5, machine=all(len(f.requests) == 1 for f in shown.files)),
        Column("tokens_before", "Before", "int", priority=1),
        Column("tokens_after", "After", "int"),
        Column("saved_tokens", "Saved", "int", priority=2),
        Column("saved_share", "Share", "percent"),
        Column("removals", "Removals", "int", priority=4),
        Column("held_tokens", "Prefix", "int", priority=3, optional=True),
        Column("forgone_tokens", "Waste in it", "int", priority=3, optional=True),
        Column("request_usd", "A request", "money", priority=4, optional=True),
        Column("month_usd", "A month", "money", priority=1, optional=True),
    )
    rows = tuple(_row(file, shown.saving(file)) for file in shown.files)
    return Table("files", "", columns, rows, _total(rows) if len(rows) > 1 else None)


def _row(file: FileResult, saving: Saving | None) -> tuple[Cell, ...]:
    before, after = file.before.tokens, file.after.tokens
    held = file.held
    return (
        file.source.shown,
        len(file.requests),
        before,
        after,
        before - after,
        share(before - after, before),
        sum(len(part.result.changes) for part in file.parts),
        None if held is None else held.tokens,
        None if held is None else held.forgone_tokens,
        None if saving is None else saving.request_usd,
        None if saving is None else saving.month_usd,
    )


def _total(rows: Sequence[tuple[Cell, ...]]) -> tuple[Cell, ...]:
    """Add up the rows; dollars of one request of each file have no meaning as a sum."""
    sums = [
        [cell for cell in column if cell is not None and not isinstance(cell, str)]
        for column in zip(*rows, strict=True)
    ]
    added = [sum((Decimal(str(cell)) for cell in column), Decimal(0)) if column else None for column in sums]
    whole = [None if value is None else int(value) for value in added[:-2]]
    before, saved = whole[2] or 0, whole[4] or 0
    return ("total", whole[1], whole[2], whole[3], saved, share(saved, before), *whole[6:9], None, added[-1])


def _file(file: FileResult, shown: Shown) -> dict[str, Json]:
    before, after, saving = file.before, file.after, shown.saving(file)
    found = findings([file])
    body: dict[str, Json] = {
        "path": file.source.shown,
        "requests": len(file.requests),
        "tokens_before": before.tokens,
        "tokens_after": after.tokens,
        "saved_tokens": before.tokens - after.tokens,
        "saved_share": plain(share(before.tokens - after.tokens, before.tokens)),
        "before": plain(before),
        "after": plain(after),
        "changed": bool(file.edits),
        "rules": plain(by_rule(found)),
        "removals": [removal(finding) for finding in found],
    }
    if file.held is not None:
        body["stable_prefix"] = plain(file.held)
    if saving is not None:
        body["saving"] = plain(saving)
    if shown.with_text:
        body["text"] = file.text if file.piped is None else file.piped
    return body


def removal(finding: Finding) -> dict[str, Json]:
    """Return a removal for machines; its file is named around it."""
    body = _object(plain(finding))
    del body["path"]
    return body


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _counts(files: Sequence[FileResult], *, after: bool) -> list[TokenCount]:
    return [file.after if after else file.before for file in files]


def _sum(files: Sequence[FileResult], *, after: bool) -> TokenCount:
    first, *rest = _counts(files, after=after)
    for count in rest:
        first += count
    return first


def _change(before: TokenCount, after: TokenCount) -> str:
    about = "about " if before.estimated else ""
    saved = share(after.tokens - before.tokens, before.tokens)
    return f"{about}{before.tokens:,} -> {after.tokens:,} tokens ({percent(saved)})"
