"""The shape of a price file, and how one is read.

Generated provider files, hand-curated history files and a user's own `--prices` files are all the same shape;
`docs/pricing.md` describes it for people. Rates stay text here: a row becomes `Decimal`s only when it is used,
which keeps loading thousands of rows within milliseconds.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from llmopt.errors import PricingError

Tier = Literal["default", "batch", "flex", "priority", "fast"]
Confidence = Literal["published", "reported", "derived"]


class RatesData(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """US dollars per million tokens of each bucket (see `llmopt.core.usage`), as decimal text."""

    input_uncached: str | None = None
    input_cache_read: str | None = None
    input_cache_write_5m: str | None = None
    input_cache_write_1h: str | None = None
    input_audio: str | None = None
    input_image: str | None = None
    output_text: str | None = None
    output_reasoning: str | None = None
    output_audio: str | None = None
    output_image: str | None = None


class BandData(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Rates above a number of input tokens."""

    above_input_tokens: int
    rule: Literal["cliff", "marginal"]
    usd_per_mtok: RatesData


class HoursData(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A daily window in UTC, `HH:MM` each; `end` is excluded and may lie past midnight."""

    start: str
    end: str


class RowData(
    msgspec.Struct,
    frozen=True,
    gc=False,
    omit_defaults=True,
    forbid_unknown_fields=True,
    rename={"effective_from": "from"},
):
    """One price row: what a model costs on one tier from one UTC day on."""

    effective_from: date | None = None
    tier: Tier = "default"
    hours: HoursData | None = None
    usd_per_mtok: RatesData = RatesData()
    bands: tuple[BandData, ...] = ()
    usd_per_request: str | None = None
    units: dict[str, str] = {}
    confidence: Confidence = "published"
    source: str = ""
    note: str = ""


class ModelData(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A model: the other names it answers to, and its price rows."""

    name: str = ""
    aliases: tuple[str, ...] = ()
    starts_with: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    ends_with: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()
    context_tokens: int | None = None
    deprecated: bool = False
    snapshot_of: str = ""
    """Only in history: the model of the same provider whose generated rows this snapshot of it shares."""
    supersedes: str = ""
    """Only in history: why the generated undated row is known to be out of date; empty when it is not."""
    note: str = ""
    rows: tuple[RowData, ...] = ()


class TierRule(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, rename={"effective_from": "from"}
):
    """A discount on the default row of many models: what a tier costs where no row of that tier is known."""

    tier: Tier
    effective_from: date
    multiplier: str
    source: str
    models: tuple[str, ...] = ("*",)
    """Shell patterns (`gpt-4o*`) of the model ids that the rule holds for."""
    except_models: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    """Buckets that the discount covers (the rest keep the default rate); empty: all of them."""
    confidence: Confidence = "derived"
    note: str = ""


class PriceFile(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One file: the prices of one provider."""

    schema: Literal[1]
    provider: str
    checked: date
    name: str = ""
    generator: str = ""
    sources: tuple[str, ...] = ()
    resells: tuple[str, ...] = ()
    """Providers whose models are sold here at the same price; a name unknown here is looked up there."""
    tier_rules: tuple[TierRule, ...] = ()
    models: dict[str, ModelData] = {}


_DECODER = msgspec.json.Decoder(PriceFile)


def decode(data: bytes, name: str) -> PriceFile:
    """Return the price file in `data`.

    Args:
        data: JSON text.
        name: what to call the file in a message.

    Raises:
        PricingError: the text is no JSON, or not of this shape; the message names the file and the place in it.
    """
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PricingError(f"{name}: {error}", "docs/pricing.md describes the shape of a price file") from error


def encode_row(row: RowData) -> str:
    """Return `row` as one line of JSON, in a fixed order of fields."""
    return msgspec.json.encode(row).decode()


def minutes(clock: str) -> int:
    """Return minutes since midnight of `HH:MM`; ValueError when it is no time of day."""
    hours, _, rest = clock.partition(":")
    if len(clock) != 5 or not (hours.isdigit() and rest.isdigit()) or int(hours) > 24 or int(rest) > 59:
        raise ValueError(f"{clock!r} is no HH:MM")
    return int(hours) * 60 + int(rest)
