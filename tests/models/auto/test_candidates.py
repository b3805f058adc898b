"""What is measured and what may be chosen follows from the scheme; without data 8 bits are not taken on trust."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmopt.core.ratio import Ratio
from llmopt.errors import UsageError
from tests.models.extras import library

library("torch", "semantic")

from llmopt.models.auto.candidates import choosable, chosen, lineages, simplest, title  # noqa: E402
from llmopt.models.cpu.recipe import Recipe  # noqa: E402
from tests.models.auto.fakes import BF16, DYNAMIC, FAST32, FP32, INT8, measured  # noqa: E402

EVERY = (FP32, BF16, DYNAMIC, FAST32, INT8)


def names(scheme: str, recipes: tuple[Recipe, ...] = EVERY) -> list[str]:
    return [line.recipe.name for line in lineages(recipes, scheme, skipped=(), layers=("a", "b"))]


def pick(scheme: str, *found: tuple[Recipe, float, float | None], gate: float = 0.02) -> Recipe:
    points = [measured(*one)[0] for one in found]
    recipes = [recipe for recipe, _, _ in found]
    return recipes[chosen(points, recipes, scheme, gate)]


def test_baselines_are_always_measured() -> None:
    assert names("auto") == [recipe.name for recipe in (FP32, DYNAMIC, FAST32, INT8, BF16)]
    assert names("bf16") == [FP32.name, FAST32.name, BF16.name]
    assert names("w8a8") == names("int8") == [FP32.name, DYNAMIC.name, FAST32.name, INT8.name]


def test_only_layers_in_8_bits_can_be_kept() -> None:
    found = lineages(EVERY, "auto", skipped=("b",), layers=("a", "b", "c"))
    assert [(line.recipe.kept, line.layers) for line in found] == [
        ((), ()),
        (("b",), ("a", "c")),
        ((), ()),
        (("b",), ("a", "c")),
        ((), ()),
    ]
    named = lineages(EVERY, "int8", skipped=(), layers=("a", "b", "c"))
    assert not any(line.layers for line in named)


@pytest.mark.parametrize(("scheme", "recipes"), [("w4a16", EVERY), ("w8a16", EVERY), ("bf16", (FP32, INT8))])
def test_schemes_that_cannot_be_had_are_refused(scheme: str, recipes: tuple[Recipe, ...]) -> None:
    with pytest.raises(UsageError, match=f"--scheme {scheme}"):
        names(scheme, recipes)


def test_auto_takes_the_fastest_within_the_gate() -> None:
    found = [(FP32, 1.0, 0.0), (BF16, 2.0, 0.01), (DYNAMIC, 4.0, 0.4), (INT8, 3.0, 0.02)]
    assert pick("auto", *found) == INT8
    assert pick("auto", *found, gate=0.015) == BF16
    assert pick("auto", *found, gate=0.0) == FP32


def test_a_named_scheme_is_made_even_where_it_misses_the_gate() -> None:
    assert pick("int8", (FP32, 1.0, 0.0), (DYNAMIC, 4.0, 0.4), (INT8, 3.0, 0.03)) == INT8
    assert pick("int8", (FP32, 1.0, 0.0), (DYNAMIC, 4.0, 0.01), (INT8, 3.0, 0.0)) == DYNAMIC


def test_without_data_auto_takes_nothing_in_8_bits() -> None:
    found = [(FP32, 1.0, None), (BF16, 2.0, None), (DYNAMIC, 4.0, None), (INT8, 3.0, None)]
    assert pick("auto", *found) == BF16
    assert pick("int8", *found) == INT8
    assert choosable(INT8, "auto", known=True)
    assert not choosable(INT8, "auto", known=False)


def test_a_scheme_none_of_whose_variants_could_be_measured_is_refused() -> None:
    with pytest.raises(UsageError, match="no variant of it could be measured"):
        pick("int8", (FP32, 1.0, 0.0))


MIXED = replace(INT8, kept=("a",))
TIE = [(FP32, 1.0, 0.0), (BF16, 3.8, 0.004), (MIXED, 4.0, 0.012), (INT8, 4.1, 0.03)]


def settled(ratio: Ratio, scheme: str = "auto") -> tuple[Recipe, str, list[tuple[int, int]]]:
    asked: list[tuple[int, int]] = []

    def against(one: int, other: int) -> Ratio:
        asked.append((one, other))
        return ratio

    recipes = [recipe for recipe, _, _ in TIE]
    at, said = simplest(2, [measured(*one)[0] for one in TIE], recipes, scheme, 0.02, against)
    return recipes[at], said, asked


@pytest.mark.parametrize("ratio", [Ratio(1.02, 1.01, 1.03), Ratio(1.06, 0.99, 1.1), Ratio(0.9, 0.8, 1.0)])
def test_of_equals_in_speed_the_simpler_one_is_taken(ratio: Ratio) -> None:
    recipe, said, asked = settled(ratio)
    assert recipe == BF16
    assert said.startswith("torch bfloat16 was taken: openvino int8 group 64, 1 layer kept is ")
    assert asked == [(2, 1)]


def test_what_is_faster_for_certain_stays() -> None:
    assert settled(Ratio(1.06, 1.04, 1.08))[:2] == (MIXED, "")


def test_a_scheme_that_was_named_stays() -> None:
    assert settled(Ratio(0.9, 0.8, 1.0), "int8") == (MIXED, "", [])


def test_one_layer_is_one() -> None:
    assert title(MIXED) == "openvino int8 group 64, 1 layer kept"
    assert title(replace(INT8, kept=("a", "b"))) == "openvino int8 group 64, 2 layers kept"


def test_without_layers_there_are_no_8_bits() -> None:
    found = lineages(EVERY, "auto", skipped=("a", "b"), layers=("a", "b"))
    assert {line.recipe.numbers for line in found} == {"float32", "bfloat16"}
    with pytest.raises(UsageError, match="--skip leaves no layer for --scheme int8"):
        lineages(EVERY, "int8", skipped=("a", "b"), layers=("a", "b"))
