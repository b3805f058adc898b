"""A drop has a margin: for luck among many, for few texts, and none where nothing is computed differently."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from llmopt.models.auto.points import Drop, Family, drop_of
from tests.models.auto.values import a_quality


def test_the_margin_is_nearly_twice_the_standard_error() -> None:
    drop = drop_of(a_quality(0.02, width=0.0098))
    assert drop.value == 0.02
    assert round(drop.margin, 5) == round(1.28 * 2**0.5 * 0.005, 5)


def test_float32_needs_no_margin() -> None:
    assert drop_of(a_quality(0.0, width=0.01), exact=True) == Drop(0.0, 0.0)


def test_no_change_among_few_texts_is_no_proof() -> None:
    few, enough = (drop_of(a_quality(0.0, inputs=inputs)) for inputs in (20, 70))
    assert not few.within(0.02)
    assert enough.within(0.02)


def test_language_models_are_seen_by_the_token() -> None:
    quality = a_quality(0.0, task="generate", inputs=10)
    assert drop_of(quality).within(0.02)
    assert not drop_of(replace(quality, tokens=30)).within(0.02)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_what_is_within_a_gate_is_within_a_wider_one(value: float, margin: float, gate: float) -> None:
    drop = Drop(value, margin)
    assert not drop.within(gate) or drop.within(gate + 0.1)
    assert drop.within(value + margin)


def test_a_family_has_as_many_steps_as_layers() -> None:
    assert Family().depth == 0
    assert Family((1.0, 0.5, 0.0)).depth == 2
