"""The two readers give the same report, to the last digit, on every sample and for every group."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import llmopt
from llmopt.cost.groups import ALL
from tests.cost.conftest import Force
from tests.cost.reading import SAMPLES

PATHS = [*sorted(path for path in SAMPLES.iterdir() if path.name not in ("prompts", "wordy")), SAMPLES]
GROUPS: Sequence[Sequence[str]] = [
    ("model",),
    ("model", "day", "user"),
    ("format", "tier", "session", "file"),
    ("team", "feature", "project", "hour"),
    ("provider", "week", "month"),
    (),
]
NOON = datetime(2026, 3, 16, 12, tzinfo=UTC)


def both(force: Force, path: Path, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the report of each reader."""
    reports = []
    for reader in ("python", "duckdb"):
        force(reader)
        reports.append(dataclasses.asdict(llmopt.price_logs([path], **options)))
    return reports[0], reports[1]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_every_sample_by_everything(path: Path, force: Force) -> None:
    python, duckdb = both(force, path, by=ALL)
    assert python == duckdb


@pytest.mark.parametrize("by", GROUPS, ids=lambda by: "+".join(by) or "nothing")
def test_all_samples_by(by: Sequence[str], force: Force) -> None:
    python, duckdb = both(force, SAMPLES, by=by)
    assert python == duckdb


@pytest.mark.parametrize(
    "options",
    [
        {"dedupe": "none"},
        {"dedupe": "all"},
        {"since": NOON},
        {"until": NOON},
        {"since": NOON, "until": datetime(2026, 3, 19, tzinfo=UTC), "dedupe": "all"},
        {"as_of": datetime(2025, 6, 1, tzinfo=UTC)},
        {"cached": "excluded"},
        {"cached": "included"},
        {"jobs": 1},
    ],
    ids=lambda options: "+".join(f"{name}={value}"[:20] for name, value in options.items()),
)
@pytest.mark.parametrize("path", [SAMPLES, SAMPLES / "claude-code", SAMPLES / "langfuse.jsonl"], ids=lambda p: p.name)
def test_every_option(path: Path, options: dict[str, Any], force: Force) -> None:
    python, duckdb = both(force, path, by=["model", "day"], **options)
    assert python == duckdb


def test_one_format_named(force: Force) -> None:
    path = SAMPLES / "openai-chat.jsonl"
    python, duckdb = both(force, path, input_format="openai-chat")
    assert python == duckdb
