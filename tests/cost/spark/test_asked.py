"""Options travel by value, and the files that they name by content."""

from __future__ import annotations

import pickle
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from llmopt.cost.prepared import prepare
from llmopt.cost.spark.asked import asked
from llmopt.errors import ConfigError, UsageError

SPEC = """
name = "mine"
priority = 500
detect = "present(wer)"
usage = "present(rein)"
[fields]
model = "wer"
input_uncached = "rein"
output_text = "raus"
"""


def test_what_arrives_is_what_was_asked(tmp_path: Path) -> None:
    spec = tmp_path / "mine.toml"
    spec.write_text(SPEC)
    options: dict[str, Any] = {
        "by": ["day"],
        "since": datetime(2026, 3, 1),  # noqa: DTZ001  it is taken as UTC
        "mapping": MappingProxyType({"a": "model"}),
        "format_specs": [spec],
        "deployments": {"x": "gpt-4o"},
    }
    sent = asked(options)
    here = prepare(**options)
    spec.unlink()
    there = pickle.loads(pickle.dumps(sent)).prepared()
    assert there.settings.jobs == 1
    assert (there.settings.by, there.settings.since) == (here.settings.by, here.settings.since)
    assert [one.variant for one in there.settings.specs] == [one.variant for one in here.settings.specs]
    assert there.settings.deployments == {"x": "gpt-4o"}
    assert there.table.sha256 == here.table.sha256
    assert sent.prepared("all").settings.dedupe == "all"


def test_what_a_worker_cannot_mend_is_told_here(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such option: 'price'") as caught:
        asked({"price": Decimal(1)})
    assert "prices" in caught.value.hint
    with pytest.raises(UsageError, match="cannot group by"):
        asked({"by": ["moon"]})
    with pytest.raises(ConfigError):
        asked({"prices": [tmp_path / "none.json"]})
