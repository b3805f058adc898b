"""What objects of a store are known by; files are tested with what becomes of them, in `test_changes`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from llmopt.cost.sources import Source
from llmopt.cost.state.changes import Known, Listed, compare
from llmopt.cost.state.marks import mark_of, path_of, stat_of

WRITTEN = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Remote:
    """A source in a store, as far as states look at it."""

    path: str
    shown: str
    compression: str
    stored: Any


def listed(
    name: str, *, etag: str = "", modified: datetime | None = WRITTEN, size_bytes: int = 9, number: int = 1
) -> Listed:
    url = f"s3://bucket/{name}"
    stored = SimpleNamespace(url=url, size_bytes=size_bytes, etag=etag, modified=modified)
    source = cast("Source", Remote(f"llmopt://{number}/{name}", url, "none", stored))
    return Listed(source, stat_of(source))


def known(item: Listed) -> Known:
    return Known(1, item.path, item.source.shown, 0.0, item.stat, mark_of(item.source, item.stat), "auto")


def test_an_object_is_known_by_its_url() -> None:
    assert path_of(listed("a.jsonl", number=7).source) == "s3://bucket/a.jsonl"


@pytest.mark.parametrize(
    ("before", "now", "fate"),
    [
        ({"etag": "x"}, {"etag": "x", "number": 2}, "same"),
        ({"etag": "x"}, {"etag": "x", "modified": None}, "same"),
        ({"etag": "x"}, {"etag": "y"}, "changed"),
        ({}, {}, "same"),
        ({}, {"modified": datetime(2026, 11, 2, tzinfo=UTC)}, "changed"),
        ({}, {"size_bytes": 10}, "changed"),
        ({"modified": None}, {"modified": None}, "changed"),
    ],
)
def test_an_object_is_the_same_while_its_store_says_so(before: Any, now: Any, fate: str) -> None:
    changes = compare([known(listed("a.jsonl", **before))], [listed("a.jsonl", **now)])
    assert [len(getattr(changes, name)) for name in (fate, "new", "gone")] == [1, 0, 0]


def test_an_object_under_another_name_is_told_by_its_etag() -> None:
    changes = compare([known(listed("a.jsonl", etag="x"))], [listed("b.jsonl", etag="x")])
    assert len(changes.moved) == 1
