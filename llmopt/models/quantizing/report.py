"""What quantizing a checkpoint did: sizes, error of each layer, quality on real inputs, speed, dollars.

The JSON of `llmopt quantize` (`llmopt.quantize/1`) has these field names.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from llmopt.core.ratio import Ratio
from llmopt.models.quality.result import Quality


@dataclass(frozen=True, slots=True)
class TensorCounts:
    """How many tensors of the source went which way."""

    quantized: int
    kept: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One weight that was quantized (on a CPU: converted)."""

    name: str
    """Of the tensor in the source."""
    shape: tuple[int, ...]
    scheme: str
    """Such as `int8 per channel` or `int4 group 128`."""
    sqnr_db: float | None
    """Signal to quantization noise of the weight, in decibels, `10 log10(sum w^2 / sum (w - w')^2)`; None where the
    weight is exact (or all zeros)."""
    bytes_before: int
    bytes_after: int
    """With its scales."""
    sensitivity: float | None = None
    """Error of the answers with this layer alone quantized (`llmopt.models.auto`); None unless `auto` measured it."""


@dataclass(frozen=True, slots=True)
class KeptTensor:
    """One tensor that stayed as it was."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    size_bytes: int
    reason: str
    """Such as `embedding`, `1 dimension`, `--skip lm_head`, `most sensitive`."""


@dataclass(frozen=True, slots=True)
class Speedup:
    """How much faster the result is than the source, on this machine."""

    value: float
    """Against `base`: what the source runs at today."""
    low: float
    high: float
    base: str
    """Such as `torch float32`."""
    against_strongest: Ratio
    """Against the fastest FP32 that could be measured here; the same where that is `base`. The gate is held against
    this."""
    strongest: str
    """Its name, such as `onnxruntime float32`."""
    batch_size: int
    seq_len: int
    threads: int
    latency_p50_s: float
    """Of a batch of the result."""
    base_latency_p50_s: float
    rounds: int


@dataclass(frozen=True, slots=True)
class CostImpact:
    """What the speed-up does to the bill at equal load, in dollars a month; the interval is that of the speed-up.

    Machines that are so many times faster are needed so many times less.
    """

    price_per_month: Decimal
    at_speedup: Decimal
    at_speedup_low: Decimal
    """Lowest that the interval allows."""
    at_speedup_high: Decimal
    saved_per_month: Decimal


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to run the model that was measured: a point of the frontier."""

    name: str
    """Such as `onnx int8` or `onnx int8, 4 layers kept`."""
    engine: str
    scheme: str
    kept_layers: tuple[str, ...]
    """Linear layers that stay in floating point."""
    speedup: Ratio
    """Against torch FP32."""
    quality_drop: float | None
    """On the half of the data that the choice is made on; None without data, or where it is too slow to be chosen."""
    size_bytes: int | None
    batch_independent: bool
    """Whether what its batch-mates say changes nothing in a row's result; their length (padding) may, by rounding."""
    on_frontier: bool
    """No other variant is both faster and better."""
    passes: bool
    """Its drop is within the gate (True without a gate)."""
    chosen: bool
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class QuantizeReport:
    """The result of `llmopt.models.quantize`."""

    scheme: str
    """As it was written: `w8a8`, `w8a16`, `w4a16`, or the chosen variant of a CPU."""
    format: str
    """`int-quantized` or `pack-quantized` (compressed-tensors), `onnx`, `torch`, ..."""
    target: str
    source: str
    destination: str
    tensors: TensorCounts
    bytes_before: int
    bytes_after: int
    """Weights in the files, headers left out."""
    peak_memory_bytes: int
    """Most memory that the process held, libraries included."""
    working_memory_bytes: int
    """Of these above what it held when the work began."""
    mb_per_s: float
    """Bytes of the source's weights a second, in millions."""
    duration_s: float
    layers: tuple[Layer, ...]
    kept: tuple[KeptTensor, ...]
    quality: Quality | None = None
    """On real inputs, on the half that no choice was made on; None without data."""
    speedup: Speedup | None = None
    """None unless measured (target `cpu`)."""
    cost: CostImpact | None = None
    frontier: tuple[Variant, ...] = ()
    load_line: str = ""
    """One line of Python that loads the result."""
    failures: tuple[str, ...] = ()
    """Gates of the user that did not hold, a sentence each."""
    warnings: tuple[str, ...] = ()
