"""Results of `llmopt bench` with fixed figures, as real ones differ from machine to machine."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from llmopt.bench.comparing.result import BenchResult, Lengths, Measured, Memory, ModelResult
from llmopt.bench.result import Environment, Noise, Point
from llmopt.core.batch import Shape
from llmopt.core.ratio import Ratio
from llmopt.core.target import TargetFacts
from llmopt.models.quantizing.report import CostImpact
from tests.report.bench_reports import FACTS, QUIET
from tests.report.quantize_reports import EMBED, LANGUAGE

LONG, SHORT = Shape(8, 128), Shape(1, 32)


def measured(shape: Shape, time_s: float, ratio: float | None) -> Measured:
    rate = shape.batch_size / time_s
    point = Point(
        shape,
        "ok",
        times_s=(time_s * 0.99, time_s, time_s * 1.02),
        useful_tokens=shape.batch_size * shape.seq_len,
        padded_tokens=shape.batch_size * shape.seq_len,
        throughput_per_s=rate,
        throughput_low=rate * 0.99,
        throughput_high=rate * 1.01,
        latency_p50_s=time_s,
        latency_max_s=time_s * 1.02,
    )
    return Measured(point, (time_s, time_s * 1.01), None if ratio is None else Ratio(ratio, ratio * 0.98, ratio * 1.02))


def model(
    name: str, time_s: float, ratio: float | None, *, size: int, shapes: tuple[Shape, ...] = (LONG,)
) -> ModelResult:
    memory = Memory(402_000_000, 402_000_000 + size, 402_000_000 + 2 * size, 430_000_000 + size)
    return ModelResult(
        name=name,
        is_base=ratio == 1,
        facts=replace(FACTS, name=name),
        latency_p50_s=time_s,
        latency_p95_s=None,
        throughput_per_s=8 / time_s,
        tokens_per_s=8 * 128 / time_s,
        size_bytes=size,
        peak_memory_bytes=memory.peak_bytes,
        speedup=ratio,
        speedup_low=None if ratio is None else ratio if ratio == 1 else ratio * 0.98,
        speedup_high=None if ratio is None else ratio if ratio == 1 else ratio * 1.02,
        memory=memory,
        shapes=tuple(measured(shape, time_s * shape.batch_size / 8, ratio) for shape in shapes),
    )


def environment(facts: TargetFacts, noise: Noise = QUIET) -> Environment:
    return Environment(facts, noise, "3.11.9", "Linux x86_64", 2, "0.1.0")


BERT = model("models/bert-base", 0.412, 1.0, size=437_951_328)
DISTIL = replace(
    model("models/distilbert", 0.2125, 1.939, size=265_469_720),
    quality=EMBED,
    cost=CostImpact(Decimal(1000), Decimal("515.73"), Decimal("505.62"), Decimal("526.26"), Decimal("484.27")),
)
PAIR = BenchResult(
    models=(BERT, DISTIL),
    base=BERT.name,
    shapes=(LONG,),
    lengths=None,
    rounds=30,
    environment=environment(BERT.facts),
    data="texts.txt",
    price_per_month=Decimal(1000),
    min_speedup=2.0,
    max_quality_drop=0.02,
    failures=("models/distilbert is 1.94 times as fast as the base (95% interval 1.90 to 1.98), less than 2",),
    elapsed_s=44.1,
)
"""Two encoders, everything asked for, one gate missed."""
ALONE = BenchResult(
    models=(replace(model("m.py:f", 0.05, None, size=0), facts=replace(FACTS, task="callable"), size_bytes=None),),
    base=None,
    shapes=(Shape(8, 1),),
    lengths=None,
    rounds=30,
    environment=environment(FACTS),
    elapsed_s=9.0,
)
"""One function, compared with nothing."""
_NEW = replace(FACTS, task="generate", new_tokens=32)
_HUGE = Point(LONG, "oom", reason="CUDA out of memory at 8 requests")
SEVERAL = BenchResult(
    models=tuple(
        replace(one, facts=replace(_NEW, name=one.name))
        for one in (
            model("llama", 1.91, 1.0, size=2_500_000_000, shapes=(LONG, SHORT)),
            replace(model("llama-w4a16", 2.3, 0.83, size=811_000_000, shapes=(LONG, SHORT)), quality=LANGUAGE),
            ModelResult(
                name="llama-big",
                is_base=False,
                facts=FACTS,
                latency_p50_s=None,
                latency_p95_s=None,
                throughput_per_s=None,
                tokens_per_s=None,
                size_bytes=26_000_000_000,
                peak_memory_bytes=None,
                speedup=None,
                speedup_low=None,
                speedup_high=None,
                memory=Memory(None, None, None, None),
                shapes=(Measured(_HUGE, (), None), measured(SHORT, 3.0, None)),
                reason="8 requests of 128 tokens do not fit in memory",
            ),
        )
    ),
    base="llama",
    shapes=(LONG, SHORT),
    lengths=Lengths(40, 11, 96, 402),
    rounds=12,
    environment=environment(_NEW, Noise(quiet=False, reasons=("CPU pressure 31% (at most 5%)",), cpu_pressure=0.31)),
    data="prompts.jsonl",
    warnings=("the interval is wider than 2%; raise --max-time",),
    elapsed_s=151.0,
)
"""Three language models: one slower, one that does not fit; two shapes on a noisy machine."""
RESULTS = {"pair": PAIR, "alone": ALONE, "several": SEVERAL}
