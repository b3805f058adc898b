"""What came of running models in turn: speed of each, memory, size on disk, quality and dollars against one of them.

The JSON of `llmopt bench` (`llmopt.bench/1`) has these field names. All durations in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from llmopt.bench.result import Environment, Point
from llmopt.core.batch import Shape
from llmopt.core.ratio import Ratio
from llmopt.core.target import TargetFacts
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.report import CostImpact


@dataclass(frozen=True, slots=True)
class Memory:
    """What the process of one model held, in bytes; None where the system does not tell."""

    libraries_bytes: int | None
    """After Python and the libraries were loaded, before the model was: what every model of this kind pays."""
    loaded_bytes: int | None
    """With the model loaded, before the first batch of the comparison."""
    loading_peak_bytes: int | None
    """The most while it was loaded."""
    running_peak_bytes: int | None
    """The most while batches ran."""
    device_peak_bytes: int | None = None
    """The most that its tensors took on a GPU while batches ran; None on a CPU."""

    @property
    def peak_bytes(self) -> int | None:
        """The most that the process held at any time, loading and libraries included; not what is on a GPU."""
        known = [size for size in (self.loading_peak_bytes, self.running_peak_bytes) if size is not None]
        return max(known, default=None)

    @property
    def above_libraries_bytes(self) -> int | None:
        """What of the peak is the model's own."""
        if self.peak_bytes is None or self.libraries_bytes is None:
            return None
        return max(self.peak_bytes - self.libraries_bytes, 0)


@dataclass(frozen=True, slots=True)
class Measured:
    """One model at one shape of batches."""

    point: Point
    """Its batches: raw times, latency, throughput; `status` is `oom` where they do not fit in memory."""
    turns_s: tuple[float, ...]
    """Time of a batch in each round, the mean where a round has several: what ratios are made of."""
    speedup: Ratio | None
    """Against the base at this shape; None where either was not measured, or nothing is compared with."""


@dataclass(frozen=True, slots=True)
class ModelResult:
    """One model. Without a word on the shape, a figure is of the first shape that was asked for."""

    name: str
    """As the user wrote it; with ` #2` behind it where it is named a second time."""
    is_base: bool
    """Whether the others are compared with it."""
    facts: TargetFacts
    latency_p50_s: float | None
    """Of a batch; None where such a batch did not fit in memory. So is all that follows."""
    latency_p95_s: float | None
    """None with fewer than 59 samples."""
    throughput_per_s: float | None
    """Requests: batch size over the mean time."""
    tokens_per_s: float | None
    """Tokens generated; of a model that generates none, tokens of requests, padding left out. None for functions."""
    size_bytes: int | None
    """Files of its weights, as they are on disk, tokenizer and settings left out; None where there are none."""
    peak_memory_bytes: int | None
    """The most that its process held, loading and libraries included; of a GPU, what its tensors took there."""
    speedup: float | None
    """How many times as fast as the base, each shape carrying as many requests as the others; 1 for the base. None
    where nothing is compared with, or a shape did not fit in memory."""
    speedup_low: float | None
    """95 % interval."""
    speedup_high: float | None
    memory: Memory
    shapes: tuple[Measured, ...]
    """In the order asked for."""
    quality: Quality | None = None
    """Its answers beside those of the base; None without data, for functions, and for the base itself."""
    cost: CostImpact | None = None
    """None without a price, and for the base itself."""
    reason: str = ""
    """Why figures are missing, in a sentence; empty where none is."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of the texts whose lengths the requests had, as the base counts them."""

    texts: int
    shortest: int
    median: int
    longest: int


@dataclass(frozen=True, slots=True)
class BenchResult:
    """The result of `llmopt.bench.compare`."""

    models: tuple[ModelResult, ...]
    """The base first, then in the order named."""
    base: str | None
    """Name of the model that the others are compared with; None where only one was measured."""
    shapes: tuple[Shape, ...]
    """Batch size and tokens of each request; of the longest one where lengths are those of texts."""
    lengths: Lengths | None
    """None where all requests of a shape are as long as asked."""
    rounds: int
    """How often each model had its turn at each shape."""
    environment: Environment
    """`target` is the base, or the only model; each has its own in `facts`."""
    data: str | None = None
    """File of the texts; None: none."""
    price_per_month: Decimal | None = None
    min_speedup: float | None = None
    """What the user asks for; None: nothing. So is the next."""
    max_quality_drop: float | None = None
    failures: tuple[str, ...] = ()
    """Of the two above, what does not hold, a sentence each; a noisy machine is not among them (see `checks`)."""
    warnings: tuple[str, ...] = ()
    """What to know before believing the figures, a sentence each."""
    elapsed_s: float = 0.0
    """The whole run."""

    def model(self, name: str) -> ModelResult:
        """Return the model of a name.

        Raises:
            KeyError: there is none.
        """
        for model in self.models:
            if model.name == name:
                return model
        raise KeyError(name)
