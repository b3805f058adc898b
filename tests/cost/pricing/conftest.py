"""The real price table, read once, and small price folders made up for a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmopt.cost.pricing.table import PriceTable

Folder = Callable[..., Path]


@pytest.fixture(scope="session")
def table() -> PriceTable:
    """Return the prices that ship."""
    return PriceTable.load()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a maker of price folders: `folder(providers={"acme": {...models}}, history={...})`."""

    def make(name: str = "prices", **layers: dict[str, dict[str, Any]]) -> Path:
        for layer, providers in layers.items():
            place = tmp_path / name / layer
            place.mkdir(parents=True, exist_ok=True)
            for provider, models in providers.items():
                (place / f"{provider}.json").write_text(json.dumps(price_file(provider, models)))
        return tmp_path / name

    return make


def price_file(provider: str, models: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a price file as JSON values."""
    head = {"schema": 1, "provider": provider, "checked": "2026-01-01", "sources": ["https://example.com/prices"]}
    return {**head, **more, "models": models}
