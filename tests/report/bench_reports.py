"""Runs of `llmopt bench-batch` with fixed figures, as real ones differ from run to run."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from llmopt.bench.recommend import Unmet
from llmopt.bench.report import BenchReport
from llmopt.bench.result import (
    Comparison,
    Curve,
    Environment,
    Noise,
    Point,
    Recommendation,
    ShapeChange,
    Sweep,
    Verification,
)
from llmopt.bench.url_result import Quantiles, UrlPoint, UrlRecommendation, UrlStatus, UrlSweep
from llmopt.core.batch import Shape
from llmopt.core.target import TargetFacts
from llmopt.serving.batching.settings import BatchSettings

QUIET = Noise(quiet=True, cpu_pressure=0.01, cpu_to_wall=0.998, drift=0.012)
FACTS = TargetFacts(
    name="models/minilm",
    task="embed",
    device="cpu",
    device_name="Fast CPU",
    dtype="float32",
    attention="sdpa",
    threads=2,
    parameters=22_713_216,
    max_tokens=256,
    versions=(("torch", "2.13.0"), ("transformers", "5.1.0")),
)
SETTINGS = BatchSettings(16, 0.005, 2048)
BATCHER = "AdaptiveBatcher(predict, max_batch_size=16, max_wait_s=0.005, max_batch_tokens=2048, length=len)"
CONFIG = "[batcher]\nmax_batch_size = 16\nmax_wait_s = 0.005\nmax_batch_tokens = 2048\nmax_queue = 1024\n"


def point(size: int, seq_len: int, samples: int = 40) -> Point:
    """A point on t = 10 ms + 5 ms a request and 32 tokens."""
    time_s = 0.010 + 0.005 * size * seq_len / 32
    rate = size / time_s
    return Point(
        Shape(size, seq_len),
        "ok",
        times_s=(time_s,) * samples,
        useful_tokens=size * seq_len,
        padded_tokens=size * seq_len,
        throughput_per_s=rate,
        throughput_low=rate * 0.99,
        throughput_high=rate * 1.01,
        latency_p50_s=time_s,
        latency_p95_s=time_s * 1.05 if samples >= 59 else None,
        latency_p99_s=time_s * 1.1 if samples >= 299 else None,
        latency_max_s=time_s * 1.2,
        peak_memory_bytes=400_000_000 + 1_000_000 * size,
    )


def environment(noise: Noise = QUIET) -> Environment:
    return Environment(FACTS, noise, "3.11.9", "Linux x86_64", 2, "0.1.0")


def swept(*seq_lens: int, noise: Noise = QUIET) -> Sweep:
    points = [point(size, length, 400 if size < 8 else 40) for length in seq_lens for size in (1, 2, 4, 8, 16, 32, 64)]
    longest = max(seq_lens)
    points.append(Point(Shape(128, longest), "oom", reason="CUDA out of memory at 128 requests"))
    warnings = ("warm-up of batch 64 did not settle; raise --min-samples",)
    return Sweep(tuple(points), environment(noise), 41.7, warnings)


RECOMMENDED = Recommendation(
    settings=SETTINGS,
    reason="the largest arrival rate whose upper p99 bound meets 250 ms",
    rate_per_s=142.5,
    p50_s=0.0612,
    p99_upper_s=0.2437,
    utilization=0.81,
    slo_p99_s=0.25,
    usd_per_million=Decimal("4.8733"),
    usd_per_million_tokens=Decimal("0.152"),
    user_rate_per_s=200.0,
    usd_per_million_at_user_rate=Decimal("6.9444"),
    devices_at_user_rate=2,
    settings_tried=96,
)
VERIFIED = Verification(
    settings=SETTINGS,
    rate_per_s=142.5,
    requests=1500,
    failed=0,
    predicted_p50_s=0.0612,
    measured_p50_s=0.0634,
    predicted_p99_s=0.221,
    measured_p99_s=0.2302,
    measured_p99_upper_s=0.2441,
    predicted_throughput_per_s=142.1,
    measured_throughput_per_s=141.8,
    mean_batch_size=6.34,
    service_ratio=1.021,
    late_s=0.0008,
    slo_met=True,
    noise=QUIET,
    replayed_p50_s=0.0629,
    replayed_p99_s=0.2281,
    speed_before=1.004,
    speed_after=1.011,
    others=0.004,
)
COMPARISON = Comparison(
    change=0.083,
    low=0.061,
    high=0.105,
    shapes=(
        ShapeChange(Shape(1, 32), 0.0138, 0.015, 0.087, 0.06, 0.11),
        ShapeChange(Shape(16, 32), 0.0838, 0.09, 0.074, 0.05, 0.10),
    ),
    regressed=True,
    threshold=0.05,
)
FULL = BenchReport(
    sweep=swept(32, 128),
    curve=Curve(0.0102, 0.0, 0.000161, 0.9991, 0.032),
    recommended=RECOMMENDED,
    verified=VERIFIED,
    comparison=COMPARISON,
    max_queue=1024,
    batcher=BATCHER,
    config=CONFIG,
    slo_p99_s=0.25,
    warnings=("p99 bounds of 12 settings are wide; raise --max-time",),
    elapsed_s=59.2,
)
"""Two lengths, an SLO, a price, the user's rate, a verification and a baseline."""
PLAIN = BenchReport(
    sweep=replace(swept(32), warnings=()),
    curve=Curve(0.0102, 0.0051, 0.0, 0.9991, 0.032),
    recommended=Recommendation(
        BatchSettings(16), "the smallest batch whose interval reaches 95% of the maximum", 177.8, 0.09, 0.108, 1.0
    ),
    max_queue=1024,
    batcher="AdaptiveBatcher(predict, max_batch_size=16)",
    config="[batcher]\nmax_batch_size = 16\nmax_wait_s = 0.0\nmax_queue = 1024\n",
    elapsed_s=41.9,
)
"""One length and nothing asked for."""
UNMET = BenchReport(
    sweep=replace(
        swept(32, noise=Noise(quiet=False, reasons=("CPU pressure 31% (at most 5%)",), cpu_pressure=0.31)), warnings=()
    ),
    curve=Curve(0.0102, 0.0051, 0.0, 0.9991, 0.032),
    unmet=Unmet(0.010, BatchSettings(1), 0.0151, 60),
    slo_p99_s=0.010,
    elapsed_s=41.9,
)
"""A bound that no setting meets, on a noisy machine."""
GENERATE = BenchReport(
    sweep=Sweep(
        tuple(
            replace(
                point(size, 64, 320), prefill_p50_s=0.004 * size, decode_p50_s=0.0008 + 0.0001 * size, status="noisy"
            )
            for size in (1, 2, 4)
        ),
        replace(environment(), target=replace(FACTS, task="generate", new_tokens=16)),
        20.0,
    )
)
"""Tokens are generated; nothing was recommended."""


def url_point(rate: float, *, answered: int, status: UrlStatus = "ok", reason: str = "") -> UrlPoint:
    """A rate at which every answer takes 200 ms and a little more with the rate."""
    time_s = 0.2 + rate / 100
    return UrlPoint(
        rate,
        status,
        latencies_s=(time_s,) * answered,
        ttfts_s=(time_s / 4,) * answered,
        tpots_s=(0.012,) * answered,
        latency=Quantiles(time_s, time_s * 1.1, time_s * 1.3 if answered >= 299 else None, time_s * 1.4),
        ttft=Quantiles(time_s / 4, time_s / 3, None, time_s / 2),
        tpot=Quantiles(0.012, 0.013, None, 0.02),
        latency_p99_upper_s=time_s * 1.4 if answered >= 299 else None,
        throughput_per_s=rate * 0.99,
        throughput_low=rate * 0.97,
        throughput_high=rate * 1.01,
        useful_tokens_per_s=rate * 64,
        failed=(("HTTP 429", 7), ("timeout", 1)) if status == "failing" else (),
        elapsed_s=20.0,
        late_s=0.001,
        reason=reason,
    )


URL = UrlSweep(
    target=TargetFacts("http://127.0.0.1:8000/v1", "url", "url", "tiny-model"),
    points=(
        url_point(1.0, answered=40),
        url_point(16.0, answered=320),
        url_point(32.0, answered=300, status="failing", reason="8 of 308 requests failed"),
        UrlPoint(64.0, "skipped", reason="the time was up"),
    ),
    recommended=UrlRecommendation(
        rate_per_s=16.0,
        reason="the largest measured rate whose upper p99 bound meets 600 ms",
        throughput_per_s=15.84,
        p50_s=0.36,
        p99_upper_s=0.504,
        slo_p99_s=0.6,
        usd_per_million=Decimal("43.4"),
        usd_per_million_tokens=Decimal("0.678"),
        user_rate_per_s=40.0,
        usd_per_million_at_user_rate=Decimal("52.08"),
        devices_at_user_rate=3,
    ),
    prompt_tokens=(16, 64, 256),
    new_tokens=64,
    seed=0,
    elapsed_s=58.0,
    warnings=("the sender was late by 12 ms at 32/s; use a faster client machine",),
)
"""A server that fails at 32 requests a second."""
