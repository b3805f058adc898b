"""Each variant that was measured is listed, with what it is and whether it was taken."""

from __future__ import annotations

from dataclasses import replace

from tests.models.extras import library

library("torch", "semantic")

from llmopt.models.auto.explored import Explored  # noqa: E402
from llmopt.models.auto.frontier import title, variants  # noqa: E402
from tests.models.auto.fakes import DYNAMIC, FAST32, FP32, INT8, measured  # noqa: E402

KEPT = replace(INT8, kept=("a", "b"))


def explored(*, data: bool = True) -> Explored:
    rows = [(FP32, 1.0, 0.0), (DYNAMIC, 2.5, 0.41), (FAST32, 2.3, 0.0), (INT8, 5.0, 0.03), (KEPT, 4.5, 0.015)]
    found = [measured(recipe, speed, drop if data else None) for recipe, speed, drop in rows]
    return Explored(tuple(point for point, _ in found), tuple(trial for _, trial in found), {}, ())


def test_variants_are_listed_from_the_fastest() -> None:
    found = variants(explored(), 4, 0.02, size_bytes=77)
    assert [(one.name, one.on_frontier, one.passes, one.chosen) for one in found] == [
        ("openvino int8 group 64", True, False, False),
        ("openvino int8 group 64, 2 layers kept", True, True, True),
        ("torch quantize_dynamic", False, False, False),
        ("openvino float32", True, True, False),
        ("torch float32", False, True, False),
    ]
    assert [one.size_bytes for one in found] == [None, 77, None, None, None]
    assert [one.quality_drop for one in found] == [0.03, 0.015, 0.41, 0.0, 0.0]
    assert [one.batch_independent for one in found] == [True, True, False, True, True]
    assert found[1].kept_layers == ("a", "b")
    assert found[1].quality is not None
    assert (found[0].engine, found[0].scheme) == ("openvino", "int8")


def test_without_data_nothing_is_on_a_frontier_and_nothing_fails() -> None:
    found = variants(explored(data=False), 0, None, size_bytes=1)
    assert not any(one.on_frontier for one in found)
    assert all(one.passes and one.quality_drop is None and one.quality is None for one in found)


def test_one_layer_is_one() -> None:
    assert title(replace(INT8, kept=("a",))) == "openvino int8 group 64, 1 layer kept"
