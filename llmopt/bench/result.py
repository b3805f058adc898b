"""What a sweep of batch sizes found: points, curve, recommendation, verification; all durations in seconds.

The JSON of `llmopt bench-batch` (`llmopt.bench-batch/1`) has these field names.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from llmopt.core.batch import Shape
from llmopt.core.target import TargetFacts
from llmopt.serving.batching.settings import BatchSettings

Status = Literal["ok", "noisy", "oom", "too_long", "skipped"]
"""`noisy`: measured while the machine was not quiet; `oom`: did not fit in memory; `too_long`: more tokens than the
model takes; `skipped`: the time was up before it was measured, or a smaller batch did not fit already."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How quiet the machine was during a run; a run on a noisy one fails unless the user allows it."""

    quiet: bool
    reasons: tuple[str, ...] = ()
    """What was not quiet, each with its figure; empty where all was."""
    cpu_pressure: float | None = None
    """Share of the time in which some task waited for a CPU (Linux PSI); None where the system does not tell."""
    cpu_to_wall: float | None = None
    """CPU time of a one-thread calibration kernel divided by its wall time; 1 on a quiet machine."""
    drift: float | None = None
    """Spread of the calibration kernel's CPU time over the run, relative to its median; None with too few readings."""
    waiting: float | None = None
    """Share of the time of the batches in which our threads waited for a CPU (Linux schedstat); None where the system
    does not tell."""
    steal: float | None = None
    """Share of the CPUs' time that the hypervisor gave to others; None where the system does not tell."""
    calibration_s: float | None = None
    """Typical (25th percentile) CPU time of the calibration kernel, for comparing with a baseline; None with too few
    readings."""
    handover_s: float | None = None
    """Median time of a cache line's way from one CPU to the other and back, where two CPUs are all there is; None
    elsewhere. It tells when a hypervisor moved them apart: small batches then take longer."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where and with what a run took place."""

    target: TargetFacts
    noise: Noise
    python: str
    platform: str
    """System and machine, such as `Linux x86_64`."""
    cpu_count: int
    """CPUs that this process may use."""
    llmopt: str
    """Version."""


@dataclass(frozen=True, slots=True)
class Point:
    """One shape of a batch, measured several times. Rates are of requests unless the name says tokens."""

    shape: Shape
    status: Status
    times_s: tuple[float, ...] = ()
    """Raw samples: wall time of each batch, in the order of measuring. The latency of every request in the batch."""
    useful_tokens: int = 0
    """Of one batch."""
    padded_tokens: int = 0
    """Of one batch."""
    throughput_per_s: float | None = None
    """Requests: batch size over the mean time; None unless measured."""
    throughput_low: float | None = None
    """Lower end of the 95 % bootstrap interval; None with fewer than 6 samples. So is the next."""
    throughput_high: float | None = None
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    """None with fewer than 59 samples, the sample rule of p99 applied to p95."""
    latency_p99_s: float | None = None
    """None with fewer than 299 samples: the largest of so many is above the true p99 with 95 % confidence."""
    latency_max_s: float | None = None
    peak_memory_bytes: int | None = None
    prefill_p50_s: float | None = None
    """Median time to the first token; None unless tokens are generated."""
    decode_p50_s: float | None = None
    """Median time for each further token of a batch (TPOT); None unless tokens are generated."""
    device_p50_s: float | None = None
    """Median time on the device's own clock; None where it has none."""
    reason: str = ""
    """Why the status is not `ok`; empty where it is."""
    handovers_s: tuple[float | None, ...] = ()
    """Beside each sample of `times_s`: `Noise.handover_s`, read next to it; None where it changed meanwhile. Empty
    where it is not read."""

    @property
    def samples(self) -> int:
        """How many batches were measured."""
        return len(self.times_s)

    @property
    def useful_tokens_per_s(self) -> float | None:
        """Tokens of requests per second, padding left out; None unless measured."""
        if self.throughput_per_s is None:
            return None
        return self.useful_tokens * self.throughput_per_s / self.shape.batch_size


@dataclass(frozen=True, slots=True)
class Sweep:
    """All points of a run, by sequence length and batch size."""

    points: tuple[Point, ...]
    environment: Environment
    elapsed_s: float
    warnings: tuple[str, ...] = ()
    """One line each, with the next step."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Time of a batch as a function of its shape, fitted to the points of a sweep.

    `t(b, tokens) = base_s + per_request_s * b + per_token_s * tokens`, all three 0 or more, where tokens are padded
    ones (`b` times the longest). What the simulator uses lies on the measured points and is interpolated between them;
    the formula is its summary and its continuation beyond the largest batch.
    """

    base_s: float
    per_request_s: float
    """0 where only one sequence length was measured: tokens tell the same then."""
    per_token_s: float
    r_squared: float
    """Share of the variance of the medians that the formula explains."""
    max_error: float
    """Largest distance of the formula from a measured median, relative to it."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The setting to run, and what it is expected to do."""

    settings: BatchSettings
    reason: str
    """Why this one, in a sentence."""
    rate_per_s: float
    """With an SLO: the largest arrival rate (requests) at which it is met; else the throughput of full batches."""
    p50_s: float
    """Predicted latency at that rate; without an SLO the time of one full batch. So is the next."""
    p99_upper_s: float
    """Upper 95 % bound of the p99."""
    utilization: float
    """Share of the time in which the device computes at that rate."""
    slo_p99_s: float | None = None
    """What was asked for; None: nothing."""
    usd_per_million: Decimal | None = None
    """Dollars for a million requests at that rate; None without a price an hour. So are the next three."""
    usd_per_million_tokens: Decimal | None = None
    """Useful tokens."""
    user_rate_per_s: float | None = None
    """The rate that the user named, or of the user's log; None where there is none."""
    usd_per_million_at_user_rate: Decimal | None = None
    """The same device, at the user's rate: what is idle is paid too; more devices where one does not carry it."""
    devices_at_user_rate: int | None = None
    """How many such devices the user's rate needs; None without such a rate."""
    settings_tried: int = 0
    slack: float = 0.0
    """How much longer than measured batches may take (0.03 is three percent) before the SLO is missed at that rate."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The recommended setting, run open loop: what was predicted for the same arrivals beside what was measured."""

    settings: BatchSettings
    rate_per_s: float
    requests: int
    failed: int
    predicted_p50_s: float
    measured_p50_s: float
    predicted_p99_s: float
    measured_p99_s: float
    measured_p99_upper_s: float | None
    """Upper 95 % bound; None with too few requests."""
    predicted_throughput_per_s: float
    measured_throughput_per_s: float
    mean_batch_size: float
    service_ratio: float
    """Time of the batches in this run, relative to the sweep: 1.05 means that the machine was 5 % slower now."""
    late_s: float
    """How late the sender was at most."""
    slo_met: bool | None
    """Whether the measured p99 meets the SLO; None without one."""
    noise: Noise
    """Not quiet where the machine was not that of the sweep, too."""
    replayed_p50_s: float | None = None
    """The prediction once more, with the times that the batches of this very run took: what it says differently is the
    machine's and not the simulation's. None where it was not made; so are the next four."""
    replayed_p99_s: float | None = None
    speed_before: float | None = None
    """Time of the same few batches right before the load, relative to the sweep."""
    speed_after: float | None = None
    """Right after it."""
    others: float | None = None
    """Share of the CPUs' time that other processes took during the load; None where the system does not tell."""

    @property
    def p50_error(self) -> float:
        """Measured over predicted, minus one."""
        return self.measured_p50_s / self.predicted_p50_s - 1

    @property
    def p99_error(self) -> float:
        """Measured over predicted, minus one."""
        return self.measured_p99_s / self.predicted_p99_s - 1


@dataclass(frozen=True, slots=True)
class ShapeChange:
    """One shape, before and now."""

    shape: Shape
    before_s: float
    """Typical time of a batch; so is the next."""
    now_s: float
    change: float
    """Slow-down as a fraction: 0.1 is ten percent slower."""
    low: float
    """Ends of its 95 % interval."""
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run against a baseline: over all shapes that both have, and for each."""

    change: float
    """Slow-down over all shapes (geometric mean); 0.1 is ten percent slower."""
    low: float
    """Ends of its 95 % interval, the difference between two runs of the same code included."""
    high: float
    shapes: tuple[ShapeChange, ...]
    regressed: bool
    """Whether it is slower beyond doubt, and by more than the threshold with odds of three to one; or one shape is
    above the threshold beyond doubt, after correction for looking at many."""
    threshold: float
    """As asked for."""
    warnings: tuple[str, ...] = ()
    """Shapes missing on one side, noisy runs, versions that differ; one line each."""
