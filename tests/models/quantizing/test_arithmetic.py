"""Rounding, scales and errors, against the plain formulas in 64 bits."""

from __future__ import annotations

import importlib
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.models.quantizing.numbers import Numbers
from tests.models.extras import library

torch = library("torch", "models")
compressed = library("compressed_tensors.compressors.pack_quantized.helpers", "models")
arithmetic: Any = importlib.import_module("llmopt.models.quantizing.arithmetic")

WHOLE, EIGHT, FOUR = Numbers(8, None, "int8"), Numbers(8, 32, "packed"), Numbers(4, 32, "packed")


def quantized(weight: Any, numbers: Numbers) -> tuple[Any, Any, Any]:
    """Return the whole numbers, the scales `(rows, groups)` and the sums, through the bytes that would be written."""
    rows, columns = weight.shape
    dtype = next(name for name, kind in arithmetic.TYPES.items() if kind == weight.dtype)
    worker = arithmetic.Arithmetic(weight.numel() * weight.element_size())
    worker.raw[:] = bytes(weight.contiguous().view(torch.uint8).flatten().tolist())
    made = worker.quantized(dtype, rows, columns, numbers)
    if not made.finite:
        return None, None, made
    whole, scales = (bytearray(part) for part in made.parts)
    scale = torch.frombuffer(scales, dtype=weight.dtype).view(rows, -1)
    if numbers.layout == "int8":
        return torch.frombuffer(whole, dtype=torch.int8).view(rows, columns), scale, made
    words = torch.frombuffer(whole, dtype=torch.int32).view(rows, -1)
    return compressed.unpack_from_int32(words, numbers.bits, torch.Size((rows, columns))), scale, made


def missed(weight: Any, whole: Any, scale: Any) -> Any:
    """Return the errors, in 64 bits."""
    rows, columns = weight.shape
    back = whole.double().view(rows, scale.shape[1], -1) * scale.double()[..., None]
    return weight.double() - back.view(rows, columns)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("numbers", [WHOLE, EIGHT, FOUR], ids=str)
def test_each_number_is_the_nearest_and_the_sums_are_those_of_what_is_read_back(dtype: str, numbers: Numbers) -> None:
    torch.manual_seed(1)
    weight = (torch.randn(24, 96) * 0.02).to(getattr(torch, dtype))
    whole, scale, made = quantized(weight, numbers)
    errors = missed(weight, whole, scale)
    steps = scale.double().repeat_interleave(96 // scale.shape[1], 1)
    half = 1 << (numbers.bits - 1)
    inside = (whole > -half) & (whole < half - 1)
    assert bool((errors.abs() <= 0.5001 * steps)[inside].all())
    assert made.signal == pytest.approx(float(weight.double().square().sum()), rel=1e-4)
    assert made.noise == pytest.approx(float(errors.square().sum()), rel=1e-3)


def test_cutting_off_a_little_makes_the_error_of_four_bits_less() -> None:
    torch.manual_seed(2)
    weight = torch.randn(64, 256)
    _, _, made = quantized(weight, FOUR)
    groups = weight.view(-1, 32)
    plain = groups.abs().amax(1, keepdim=True) / 7.5
    rounded = (groups / plain).round().clamp(-8, 7) * plain
    assert made.noise < 0.93 * float((groups - rounded).square().sum())


@given(st.integers(-40, 38), st.sampled_from(["float32", "bfloat16", "float16"]), st.sampled_from([WHOLE, EIGHT, FOUR]))
@settings(max_examples=60, deadline=None)
def test_weights_of_any_size(exponent: int, dtype: str, numbers: Numbers) -> None:
    kind = getattr(torch, dtype)
    torch.manual_seed(exponent)
    weight = (torch.rand(2, 32).double().sub(0.5) * 10.0**exponent).to(kind)
    if not bool(weight.isfinite().all()):
        return
    whole, scale, made = quantized(weight, numbers)
    errors = missed(weight, whole, scale)
    assert bool((scale > 0).all())
    assert bool(scale.isfinite().all())
    noise = float(errors.square().sum())
    assert math.isclose(made.noise, noise, rel_tol=1e-3, abs_tol=1e-80)
    if float(weight.abs().max()) > 1e-34:
        assert noise <= 0.05 * float(weight.double().square().sum())


def test_rows_of_zeros_stay_zeros() -> None:
    weight = torch.zeros(4, 64)
    weight[1, 3] = 2.5
    for numbers in (WHOLE, EIGHT, FOUR):
        whole, scale, made = quantized(weight, numbers)
        back = weight.double() - missed(weight, whole, scale)
        assert float(back[0].abs().sum() + back[2:].abs().sum()) == 0
        assert made.signal == pytest.approx(6.25)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none(dtype: str, bad: float) -> None:
    weight = torch.ones(4, 64).to(getattr(torch, dtype))
    weight[2, 5] = bad
    assert not quantized(weight, WHOLE)[2].finite
    assert not quantized(weight, FOUR)[2].finite
    name = next(key for key, kind in arithmetic.TYPES.items() if kind == weight.dtype)
    worker = arithmetic.Arithmetic(4096)
    size = weight.numel() * weight.element_size()
    worker.raw[:size] = bytes(weight.view(torch.uint8).flatten().tolist())
    assert worker.has_nan(name, size) == math.isnan(bad)
    assert not worker.cast(name, 256).finite


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_cast_is_that_of_torch(dtype: str) -> None:
    torch.manual_seed(3)
    values = torch.randn(300).to(getattr(torch, dtype))
    name = next(key for key, kind in arithmetic.TYPES.items() if kind == values.dtype)
    worker = arithmetic.Arithmetic(4096)
    size = values.numel() * values.element_size()
    worker.raw[:size] = bytes(values.view(torch.uint8).tolist())
    made = worker.cast(name, 300)
    expected = values.to(torch.bfloat16)
    assert bytes(made.parts[0]) == bytes(expected.view(torch.uint8).tolist())
    assert made.noise == pytest.approx(float((values.double() - expected.double()).square().sum()), rel=1e-3)


def test_the_threads_of_torch_are_as_many_as_before() -> None:
    before = torch.get_num_threads()
    with arithmetic.computing_threads(2) as pool:
        assert pool.submit(torch.get_num_threads).result() == 1
    assert torch.get_num_threads() == before
