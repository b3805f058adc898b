"""Labels of models: what a client makes up costs neither series nor memory."""

from __future__ import annotations

import tracemalloc

from llmopt.cost.pricing.table import PriceTable
from llmopt.serving.gateway.metrics.labels import ModelLabels


def test_names_that_are_too_long_are_none_and_are_not_kept() -> None:
    table = PriceTable.load()
    labels = ModelLabels(table, ("h" * 300,))
    assert labels.of("h" * 300) == ("h" * 300, "")
    tracemalloc.start()
    try:
        for number in range(30):
            name = f"{number}" + "m" * 2**20
            assert labels.of(name, "") == ("other", "")
            assert table.resolve(name) is None
        assert tracemalloc.get_traced_memory()[0] < 2**21
    finally:
        tracemalloc.stop()
