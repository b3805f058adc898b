"""Bring `pricing/providers/` up to date from the installed `genai-prices` package; needs no network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from llmopt.cost.pricing.merge import Addition, merge_file
from llmopt.cost.pricing.schema import PriceFile, decode
from llmopt.cost.pricing.write import encode_file


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did."""

    generator: str
    """Package and version that the data comes from."""
    written: tuple[str, ...]
    """Names of the files that changed."""
    additions: tuple[Addition, ...]
    """Models that gained rows; empty when nothing changed."""


def refresh(root: Path, as_of: date, files: Iterable[PriceFile] | None = None) -> Refreshed:
    """Add to the provider files under `root` what the data knows and they do not.

    Running it again with the same data changes nothing.

    Args:
        root: the folder that holds `providers/`.
        as_of: the day from which a price that changed without a date is taken to hold; written as the check date
            of files that change.
        files: the data; None: that of the installed genai-prices package.

    Raises:
        MissingExtraError: genai-prices is not installed.
        PricingError: a file that is there has the wrong shape.
    """
    if files is None:
        from llmopt.cost.pricing.snapshot import price_files  # the data takes a second to import

        files = price_files(as_of)
    folder = root / "providers"
    folder.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    additions: list[Addition] = []
    generator = ""
    for new in files:
        path = folder / f"{new.provider}.json"
        before = path.read_bytes() if path.exists() else None
        old = None if before is None else decode(before, str(path))
        merged, added = merge_file(old, new, as_of)
        data = encode_file(merged)
        generator = new.generator
        additions += added
        if data != before:
            path.write_bytes(data)
            written.append(path.name)
    return Refreshed(generator, tuple(written), tuple(additions))
