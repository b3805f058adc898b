"""Check price files: what a careful reviewer would look for, as findings with file and place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from llmopt.core.usage import BUCKETS
from llmopt.cost.pricing.load import Catalogue, Model, default_root, read_catalogue, row_problems
from llmopt.cost.pricing.prompt_caching import FILE, caching_problems, read_caching
from llmopt.cost.pricing.schema import PriceFile, RowData, TierRule, decode
from llmopt.errors import PricingError

DEAREST_USD_PER_MTOK = Decimal(2000)
"""No token has ever cost more; a higher rate is a slip of the decimal point or of the unit."""
OLDEST = date(2020, 6, 1)
"""No model was sold by the token before."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in a price file."""

    file: str
    """Path as it was given."""
    where: str
    """Model id, or the name of a field."""
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.message}"


def lint(root: Path | None = None, extra: Sequence[Path] = ()) -> tuple[Finding, ...]:
    """Return everything wrong with the price files under `root` (None: those that ship) and in `extra`."""
    base = default_root() if root is None else root
    packaged = [*sorted((base / "providers").glob("*.json")), *sorted((base / "history").glob("*.json"))]
    findings: list[Finding] = []
    readable = True
    for path in [*packaged, *extra]:
        try:
            data = path.read_bytes()
            file = decode(data, str(path))
        except OSError as error:
            findings.append(Finding(str(path), "file", error.strerror or str(error)))
            readable = False
        except PricingError as error:
            findings.append(Finding(str(path), "schema", error.message.removeprefix(f"{path}: ")))
            readable = False
        else:
            findings += _file(path, data, file, history=path.parent.name == "history")
    if readable:
        findings += _merged(base, extra)
    return tuple(findings)


def _merged(base: Path, extra: Sequence[Path]) -> Iterator[Finding]:
    """Check what only shows once the files are laid over each other."""
    try:
        catalogue = read_catalogue(base)
        read_catalogue(base, extra)
    except PricingError as error:
        yield Finding(str(base), "files", error.message)
        return
    yield from _layers(base, catalogue)
    yield from _caching(base, catalogue)


def _caching(base: Path, catalogue: Catalogue) -> Iterator[Finding]:
    """Check the rules of prompt caching; a folder of prices may lack them."""
    path = base / FILE
    if not path.is_file():
        return
    name = str(path)
    try:
        file = read_caching(path)
    except PricingError as error:
        yield Finding(name, "schema", error.message.removeprefix(f"{path}: "))
        return
    yield from (Finding(name, key, "the key stands twice") for key in _doubled(path.read_bytes()))
    models = tuple((provider.id, model) for provider in catalogue.providers.values() for model in provider.models)
    yield from (Finding(name, rule, problem) for rule, problem in caching_problems(file, models))


def _file(path: Path, data: bytes, file: PriceFile, *, history: bool) -> Iterator[Finding]:
    name = str(path)
    yield from (Finding(name, key, "the key stands twice") for key in _doubled(data))
    if path.parent.name in ("providers", "history") and path.stem != file.provider:
        yield Finding(name, "provider", f"is {file.provider!r}, the file is called {path.stem!r}")
    if not history and not file.sources:
        yield Finding(name, "sources", "no page that the prices were read from")
    yield from _names(name, file)
    for rule in file.tier_rules:
        yield from (Finding(name, f"tier_rules {rule.tier}", problem) for problem in _rule_problems(rule))
    for model_id, model in file.models.items():
        problems = [*row_problems(model.rows)]
        for row in model.rows:
            problems += _row_problems(row, history=history)
        if not model.rows:
            problems.append("no price row")
        yield from (Finding(name, model_id, problem) for problem in problems)


def _doubled(data: bytes) -> list[str]:
    """Return keys that stand twice in one object; a plain JSON reader keeps the last in silence."""
    doubled: list[str] = []

    def pairs(items: list[tuple[str, object]]) -> None:
        keys = [key for key, _ in items]
        doubled.extend(sorted({key for key in keys if keys.count(key) > 1}) if len(set(keys)) < len(keys) else ())

    json.loads(data, object_pairs_hook=pairs)
    return doubled


def _names(name: str, file: PriceFile) -> Iterator[Finding]:
    """Find a name that two models of one file claim."""
    owner = {model_id.lower(): model_id for model_id in file.models}
    if len(owner) < len(file.models):
        yield Finding(name, "models", "two ids differ only in case")
    for model_id, model in file.models.items():
        for alias in model.aliases:
            other = owner.setdefault(alias.lower(), model_id)
            if other != model_id:
                yield Finding(name, model_id, f"alias {alias!r} belongs to {other!r}")
        for pattern in model.regex:
            try:
                re.compile(pattern)
            except re.error as error:
                yield Finding(name, model_id, f"{pattern!r} is no regular expression: {error}")


def _row_problems(row: RowData, *, history: bool) -> Iterator[str]:
    where = f"{row.tier} row from {row.effective_from or 'undated'}"
    if history and row.effective_from is None:
        yield f"{where}: history has dates"
    if history and not row.source.startswith("https://"):
        yield f"{where}: no source"
    if row.effective_from is not None and row.effective_from < OLDEST:
        yield f"{where}: before {OLDEST}, when no model was sold by the token"
    for rates in (row.usd_per_mtok, *(band.usd_per_mtok for band in row.bands)):
        dear = [bucket for bucket in BUCKETS if _too_dear(getattr(rates, bucket))]
        yield from (f"{where}: {bucket} costs {getattr(rates, bucket)} a million tokens" for bucket in dear)
    yield from _band_problems(row, where)


def _band_problems(row: RowData, where: str) -> Iterator[str]:
    for band in row.bands:
        if set(_known(band.usd_per_mtok)) != set(_known(row.usd_per_mtok)):
            yield f"{where}: the band above {band.above_input_tokens} has other buckets than its row"


def _too_dear(rate: str | None) -> bool:
    try:
        return rate is not None and Decimal(rate) > DEAREST_USD_PER_MTOK
    except InvalidOperation:
        return False


def _known(rates: object) -> list[str]:
    return [bucket for bucket in BUCKETS if getattr(rates, bucket) is not None]


def _rule_problems(rule: TierRule) -> Iterator[str]:
    if rule.tier == "default":
        yield "a rule is for the other tiers"
    if not rule.source.startswith("https://"):
        yield "no source"
    unknown = [bucket for bucket in rule.buckets if bucket not in BUCKETS]
    if unknown:
        yield f"no such bucket: {', '.join(unknown)}"
    try:
        share = Decimal(rule.multiplier)
    except InvalidOperation:
        yield f"{rule.multiplier!r} is no decimal number"
    else:
        if not 0 < share <= 3:
            yield f"a share of {share} of the default rate"


def _layers(base: Path, catalogue: Catalogue) -> Iterator[Finding]:
    """Check history against the generated rows: it must lead up to the price that holds today."""
    for provider in catalogue.providers.values():
        file = str(base / "history" / f"{provider.id}.json")
        for model in provider.models.values():
            yield from (Finding(file, model.id, problem) for problem in _model_problems(model))


def _model_problems(model: Model) -> Iterator[str]:
    if len(model.data) > 1 or model.history:
        yield from row_problems(model.rows)
    if not model.history or not model.generated or any(data.supersedes for data in model.data):
        return
    generated = [row for row in model.generated if row.tier == "default" and row.hours is None]
    undated = [row for row in generated if row.effective_from is None]
    first = min((row.effective_from for row in generated if row.effective_from), default=date.max)
    own = [row for row in model.rows if row.tier == "default" and row.hours is None and row.effective_from]
    before = [row for row in own if row.effective_from and row.effective_from < first]
    last = max(before, key=lambda row: row.effective_from or date.min)
    if undated and _price_of(last) != _price_of(undated[0]):
        yield (
            f"history ends at {_plain(last)} ({last.effective_from}), the generated row says {_plain(undated[0])}; "
            "add the row that leads there, or say in `supersedes` why not"
        )


def _price_of(row: RowData) -> tuple[object, ...]:
    return (_numbers(row.usd_per_mtok), [(b.above_input_tokens, b.rule, _numbers(b.usd_per_mtok)) for b in row.bands])


def _numbers(rates: object) -> dict[str, Decimal]:
    return {bucket: Decimal(getattr(rates, bucket)) for bucket in _known(rates)}


def _plain(row: RowData) -> str:
    text = "/".join(f"{amount}" for amount in _numbers(row.usd_per_mtok).values())
    return f"{text} with bands" if row.bands else text or "nothing"
