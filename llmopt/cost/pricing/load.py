"""Read every price file and merge them into one catalogue.

Three layers, later ones on top: `providers/` (generated), `history/` (hand-curated rows added to them), and the
files a user names. A user's file replaces each tier of each model that it mentions, and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from llmopt.cost.pricing.schema import ModelData, PriceFile, RowData, TierRule, decode, minutes
from llmopt.errors import PricingError


@dataclass(slots=True)
class Model:
    """One model of one provider, all layers merged."""

    provider: str
    id: str
    data: list[ModelData]
    """One entry a layer: generated, history, the user's."""
    rows: list[RowData]
    """Every row, in no order."""
    history: bool = False
    """Whether hand-curated rows date the model's past; the generated undated default row then stands aside."""
    generated: tuple[RowData, ...] = ()
    """The rows of the generated file alone, for the lint."""


@dataclass(slots=True)
class Provider:
    """One provider, all layers merged."""

    id: str
    name: str = ""
    source: str = ""
    """First page that its prices were read from."""
    checked: date = date.min
    resells: tuple[str, ...] = ()
    rules: list[TierRule] = field(default_factory=list)
    models: dict[str, Model] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything the price files say."""

    providers: dict[str, Provider]
    own: tuple[str, ...]
    """Providers that only a user's file knows."""
    sha256: str
    checked: date


def default_root() -> Path:
    """Return the folder of the packaged prices; in a checkout, `pricing/` beside the package."""
    package = Path(__file__).resolve().parents[2]
    packaged = package / "_pricing"
    return packaged if packaged.is_dir() else package.parent / "pricing"


def read_catalogue(root: Path | None = None, extra: Sequence[Path] = ()) -> Catalogue:
    """Read the price files under `root` (None: the ones that ship with llmopt) and the user's own in `extra`.

    Raises:
        PricingError: a file is missing, has the wrong shape, or two files of the user price the same thing.
    """
    base = default_root() if root is None else root
    digest = hashlib.sha256()
    providers: dict[str, Provider] = {}
    checked = date.min
    for layer in ("providers", "history"):
        for file in _read(sorted((base / layer).glob("*.json")), digest):
            _add(providers, file, history=layer == "history")
            checked = max(checked, file.checked)
    if not providers:
        raise PricingError(f"{base}: no price file under providers/ or history/", "llmopt prices refresh makes them")
    known = set(providers)
    seen: dict[tuple[str, str, str], Path] = {}
    for path, file in zip(extra, _read(extra, digest), strict=True):
        _override(providers, file, path, seen)
        checked = max(checked, file.checked)
    own = tuple(provider for provider in providers if provider not in known)
    return Catalogue(providers, own, digest.hexdigest(), checked)


def read_single(path: Path) -> Catalogue:
    """Read one price file as if there were no other.

    Raises:
        PricingError: the file is missing or has the wrong shape.
    """
    digest = hashlib.sha256()
    (file,) = _read([path], digest)
    providers: dict[str, Provider] = {}
    _add(providers, file, history=False)
    return Catalogue(providers, (), digest.hexdigest(), file.checked)


def _read(paths: Iterable[Path], digest: hashlib._Hash) -> list[PriceFile]:
    """Decode files; the digest takes folder, name and content of each, never where they lie."""
    files = []
    for path in paths:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise PricingError(f"{path}: {error.strerror or error}", "check the path") from error
        digest.update(f"{path.parent.name}/{path.name}\0{len(data)}\0".encode())
        digest.update(data)
        files.append(decode(data, str(path)))
    return files


def _provider(providers: dict[str, Provider], file: PriceFile) -> Provider:
    provider = providers.setdefault(file.provider, Provider(file.provider))
    provider.name = provider.name or file.name
    provider.source = provider.source or next(iter(file.sources), "")
    provider.checked = max(provider.checked, file.checked)
    provider.resells = provider.resells or file.resells
    return provider


def _add(providers: dict[str, Provider], file: PriceFile, *, history: bool) -> None:
    """Add the rows of a packaged file to what is there."""
    provider = _provider(providers, file)
    provider.rules += file.tier_rules
    models = provider.models
    for model_id, data in file.models.items():
        model = models.get(model_id)
        if model is None:
            models[model_id] = model = Model(file.provider, model_id, [data], list(data.rows))
        else:
            model.data.append(data)
            model.rows += data.rows
        if not history:
            model.generated = data.rows
            continue
        whole = models.get(data.snapshot_of)
        if whole is not None:
            model.generated = whole.generated
            model.rows += whole.generated
        model.history = model.history or _dates_the_past(model, data)


def _dates_the_past(model: Model, data: ModelData) -> bool:
    """Return whether hand-curated rows reach further back than the generated ones."""
    written = [row.effective_from for row in data.rows if row.tier == "default" and row.effective_from]
    known = [row.effective_from for row in model.generated if row.tier == "default" and row.effective_from]
    return bool(written) and (not known or min(written) < min(known))


def _override(
    providers: dict[str, Provider], file: PriceFile, path: Path, seen: dict[tuple[str, str, str], Path]
) -> None:
    """Replace the tiers that a user's file prices."""
    provider = _provider(providers, file)
    provider.rules = [*file.tier_rules, *provider.rules]
    for model_id, data in file.models.items():
        problem = next(row_problems(data.rows), None)
        if problem:
            raise PricingError(f"{path}: {file.provider}/{model_id}: {problem}", "llmopt prices check FILE lists all")
        tiers = {row.tier for row in data.rows}
        for tier in sorted(tiers):
            other = seen.setdefault((file.provider, model_id, tier), path)
            if other is not path:
                message = f"{path}: {file.provider}/{model_id}: the {tier} tier is priced in {other} too"
                raise PricingError(message, "keep the model in one of your price files")
        model = provider.models.setdefault(model_id, Model(file.provider, model_id, [], []))
        model.data.append(data)
        model.rows = [row for row in model.rows if row.tier not in tiers] + list(data.rows)
        model.history = model.history and "default" not in tiers


def row_problems(rows: Iterable[RowData]) -> Iterator[str]:
    """Yield what is wrong with the rows of one model: overlaps, amounts, windows, bands."""
    seen: set[tuple[object, ...]] = set()
    for row in rows:
        where = f"{row.tier} row from {row.effective_from or 'undated'}"
        window = (row.hours.start, row.hours.end) if row.hours else None
        key = (row.tier, row.effective_from, window)
        if key in seen:
            yield f"two {where.replace(' row', ' rows', 1)}"
        seen.add(key)
        amounts = [row.usd_per_request, *row.units.values()]
        for rates in (row.usd_per_mtok, *(band.usd_per_mtok for band in row.bands)):
            amounts += [getattr(rates, name) for name in rates.__struct_fields__]
        yield from (f"{where}: {bad}" for bad in map(_bad_amount, amounts) if bad)
        starts = [band.above_input_tokens for band in row.bands]
        if starts != sorted(set(starts)) or any(start <= 0 for start in starts):
            yield f"{where}: bands are not in ascending order"
        try:
            if row.hours and minutes(row.hours.start) == minutes(row.hours.end):
                yield f"{where}: an empty window of the day"
        except ValueError as error:
            yield f"{where}: {error}"


def _bad_amount(text: str | None) -> str:
    """Return what is wrong with an amount of dollars, or nothing."""
    if text is None:
        return ""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return f"{text!r} is no decimal number"
    if not amount.is_finite() or amount < 0:
        return f"{text} is no amount of dollars"
    return ""
