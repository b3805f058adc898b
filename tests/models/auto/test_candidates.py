"""What is measured and what may be chosen follows from the scheme; without data 8 bits are not taken on trust."""

from __future__ import annotations

import pytest

from llmopt.errors import UsageError
from tests.models.extras import library

library("torch", "semantic")

from llmopt.models.auto.candidates import choosable, chosen, lineages  # noqa: E402
from llmopt.models.cpu.recipe import Recipe  # noqa: E402
from tests.models.auto.fakes import BF16, DYNAMIC, FAST32, FP32, INT8, measured  # noqa: E402

EVERY = (FP32, BF16, DYNAMIC, FAST32, INT8)


def names(scheme: str, recipes: tuple[Recipe, ...] = EVERY) -> list[str]:
    return [line.recipe.name for line in lineages(recipes, scheme, skipped=(), order=("a", "b"))]


def pick(scheme: str, *found: tuple[Recipe, float, float | None], gate: float = 0.02) -> Recipe:
    points = [measured(*one)[0] for one in found]
    recipes = [recipe for recipe, _, _ in found]
    return recipes[chosen(points, recipes, scheme, gate)]


def test_baselines_are_always_measured() -> None:
    assert names("auto") == [recipe.name for recipe in EVERY]
    assert names("bf16") == [FP32.name, BF16.name, FAST32.name]
    assert names("w8a8") == names("int8") == [FP32.name, DYNAMIC.name, FAST32.name, INT8.name]


def test_only_layers_in_8_bits_can_be_kept() -> None:
    found = lineages(EVERY, "auto", skipped=("b",), order=("a", "b", "c"))
    assert [(line.recipe.kept, line.order) for line in found] == [
        ((), ()),
        ((), ()),
        (("b",), ("a", "c")),
        ((), ()),
        (("b",), ("a", "c")),
    ]


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
