"""The two readers give the same report, to the last digit, on every sample and for every group.

    LLMOPT_THOROUGH=1 pytest tests/cost/test_engines_agree.py  # every option on all samples together, some 10 minutes

duckdb plans all formats of a log in one statement, which takes longer than reading them: options are tried on a few
formats that are read in different ways, those that tell records apart on each sample too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import llmopt
from llmopt.cost.groups import ALL
from tests.cost.conftest import THOROUGH, Force
from tests.cost.reading import SAMPLES

EACH = sorted(path for path in SAMPLES.iterdir() if path.name not in ("prompts", "wordy"))
WAYS = [
    SAMPLES / name
    for name in (
        "bedrock.jsonl.gz",
        "claude-code",
        "codex",
        "generic.csv",
        "generic.parquet",
        "langfuse.jsonl",
        "openai-batch.jsonl",
        "openai-usage.json",
    )
]
"""Packed lines, records that repeat, lines that need those before, tables, updates, a document."""
TOGETHER = [SAMPLES] if THOROUGH else WAYS
GROUPS: Sequence[Sequence[str]] = [
    ("model",),
    ("model", "day", "user"),
    ("format", "tier", "session", "file"),
    ("team", "feature", "project", "hour"),
    ("provider", "week", "month"),
    (),
]
NOON = datetime(2026, 3, 16, 12, tzinfo=UTC)
PERIOD: dict[str, Any] = {"since": NOON, "until": datetime(2026, 3, 19, tzinfo=UTC), "dedupe": "all"}


def both(force: Force, *paths: Path, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the report of each reader."""
    reports = []
    for reader in ("python", "duckdb"):
        force(reader)
        reports.append(dataclasses.asdict(llmopt.price_logs(paths, **options)))
    return reports[0], reports[1]


@pytest.mark.parametrize("path", [*EACH, SAMPLES], ids=lambda path: path.name)
def test_every_sample_by_everything(path: Path, force: Force) -> None:
    python, duckdb = both(force, path, by=ALL)
    assert python == duckdb


@pytest.mark.parametrize("path", [*EACH, SAMPLES], ids=lambda path: path.name)
def test_every_sample_within_a_period(path: Path, force: Force) -> None:
    python, duckdb = both(force, path, by=["model", "day"], **PERIOD)
    assert python == duckdb


@pytest.mark.untraced
@pytest.mark.parametrize("by", GROUPS, ids=lambda by: "+".join(by) or "nothing")
def test_samples_by(by: Sequence[str], force: Force) -> None:
    python, duckdb = both(force, *TOGETHER, by=by)
    assert python == duckdb


@pytest.mark.untraced
@pytest.mark.parametrize(
    "options",
    [
        {"dedupe": "none"},
        {"dedupe": "all"},
        {"since": NOON},
        {"until": NOON},
        PERIOD,
        {"as_of": datetime(2025, 6, 1, tzinfo=UTC)},
        {"cached": "excluded"},
        {"cached": "included"},
        {"jobs": 1},
    ],
    ids=lambda options: "+".join(f"{name}={value}"[:20] for name, value in options.items()),
)
@pytest.mark.parametrize(
    "paths",
    [TOGETHER, *([SAMPLES / name] for name in ("claude-code", "langfuse.jsonl", "otel-genai", "request-only.jsonl"))],
    ids=["together", "claude-code", "langfuse", "otel-genai", "request-only"],
)
def test_every_option(paths: list[Path], options: dict[str, Any], force: Force) -> None:
    python, duckdb = both(force, *paths, by=["model", "day"], **options)
    assert python == duckdb


def test_one_format_named(force: Force) -> None:
    path = SAMPLES / "openai-chat.jsonl"
    python, duckdb = both(force, path, input_format="openai-chat")
    assert python == duckdb
