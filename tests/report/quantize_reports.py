"""Results of `llmopt quantize` with fixed figures, as real ones differ from machine to machine."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from llmopt.core.ratio import Ratio
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.report import (
    CostImpact,
    KeptTensor,
    Layer,
    QuantizeReport,
    Speedup,
    TensorCounts,
    Variant,
)

EMBED = Quality(
    task="embed",
    inputs=512,
    tokens=9_216,
    drop=0.015625,
    drop_low=0.0059,
    drop_high=0.0273,
    drop_metric="nearest neighbours changed",
    cosine=0.99871,
    cosine_p5=0.99702,
    rank_correlation=0.99612,
    top1_agreement=0.984375,
    topk_agreement=0.9621,
    k=10,
    warnings=("the gate of 2% is inside the interval; more texts would tell",),
)
BETTER = Quality(
    task="classify",
    inputs=2_000,
    tokens=60_000,
    drop=-0.003,
    drop_low=-0.0065,
    drop_high=0.0005,
    drop_metric="accuracy lost",
    agreement=0.9915,
    accuracy_before=0.9105,
    accuracy_after=0.9135,
    score_error=0.0042,
)
LANGUAGE = Quality(
    task="generate",
    inputs=40,
    tokens=8_431,
    drop=0.0182,
    drop_low=0.0141,
    drop_high=0.0226,
    drop_metric="perplexity gained",
    top1_agreement=0.9541,
    perplexity_before=12.412,
    perplexity_after=12.638,
    kl_nats=0.00913,
)

OTHER_TOKENS = Quality(
    task="generate",
    inputs=40,
    tokens=8_431,
    drop=-0.021,
    drop_low=-0.03,
    drop_high=-0.012,
    drop_metric="bits per byte gained",
    bits_per_byte_before=1.021,
    bits_per_byte_after=0.9996,
)


def layer(at: int, part: str, sqnr_db: float | None, *, scheme: str = "int8 per channel") -> Layer:
    return Layer(f"encoder.layer.{at}.{part}.weight", (384, 1536), scheme, sqnr_db, 2_359_296, 593_664)


def variant(
    name: str, ratio: float, drop: float | None, *, kept: int = 0, frontier: bool = False, chosen: bool = False
) -> Variant:
    return Variant(
        name=name,
        engine=name.split()[0],
        scheme=name.split()[1],
        kept_layers=tuple(f"encoder.layer.{at}.output.dense" for at in range(kept)),
        speedup=Ratio(ratio, ratio * 0.97, ratio * 1.03),
        quality_drop=drop,
        size_bytes=90_852_864 if name.endswith("float32") else 31_000_000 + 1_700_000 * kept,
        batch_independent=name != "torch int8",
        on_frontier=frontier,
        passes=drop is None or drop <= 0.02,
        chosen=chosen,
        quality=None if drop is None else replace(EMBED, drop=drop, warnings=()),
    )


SPEED = Speedup(
    value=2.31,
    low=2.24,
    high=2.39,
    base="torch float32",
    against_strongest=Ratio(1.74, 1.69, 1.79),
    strongest="onnxruntime float32",
    batch_size=8,
    seq_len=128,
    threads=2,
    latency_p50_s=0.0273,
    base_latency_p50_s=0.0631,
    rounds=40,
)
AUTO = QuantizeReport(
    scheme="int8, 2 layers kept",
    format="onnx",
    target="cpu",
    source="models/minilm",
    destination="models/minilm-fast",
    tensors=TensorCounts(quantized=34, kept=69),
    bytes_before=90_852_864,
    bytes_after=34_412_032,
    peak_memory_bytes=1_212_000_000,
    working_memory_bytes=402_000_000,
    mb_per_s=1.31,
    duration_s=69.4,
    layers=tuple(
        replace(layer(at, part, 31.5 + 0.7 * at + extra), sensitivity=0.00156 / (at + 1))
        for at in range(6)
        for part, extra in (("attention.self.query", 2.0), ("output.dense", -3.25))
    ),
    kept=(
        KeptTensor("embeddings.word_embeddings.weight", (30522, 384), "float32", 46_881_792, "embedding"),
        KeptTensor("encoder.layer.0.output.dense.weight", (384, 1536), "float32", 2_359_296, "most sensitive"),
        KeptTensor("encoder.layer.1.output.dense.weight", (384, 1536), "float32", 2_359_296, "most sensitive"),
        *(KeptTensor(f"encoder.layer.{at}.b|as", (384,), "float32", 1_536, "1 dimension") for at in range(66)),
    ),
    quality=EMBED,
    speedup=SPEED,
    cost=CostImpact(Decimal(1000), Decimal("432.90"), Decimal("418.41"), Decimal("446.43"), Decimal("567.10")),
    frontier=(
        variant("torch float32", 1.0, 0.0, frontier=False),
        variant("onnxruntime float32", 1.33, 0.0, frontier=True),
        variant("torch bfloat16", 1.7, 0.0196, frontier=True),
        variant("torch int8", 2.5, 0.41, frontier=False),
        variant("onnx int8", 2.8, 0.1582, frontier=True),
        variant("onnx int8, 2 layers kept", 2.31, 0.0137, kept=2, frontier=True, chosen=True),
    ),
    load_line='model = llmopt.models.open_model("models/minilm-fast")',
    failures=("1.74 times the strongest FP32 (onnxruntime float32), less than 2",),
    warnings=("no VNNI on this processor: INT8 may be slower than float32",),
)
"""The search on a CPU: everything there can be, and a gate that does not hold."""
WEIGHTS = QuantizeReport(
    scheme="w4a16",
    format="pack-quantized",
    target="vllm",
    source="models/llama",
    destination="models/llama-w4a16",
    tensors=TensorCounts(quantized=14, kept=3_012),
    bytes_before=1_312_000_000,
    bytes_after=402_653_184,
    peak_memory_bytes=431_000_000,
    working_memory_bytes=96_000_000,
    mb_per_s=412.7,
    duration_s=3.18,
    layers=tuple(
        layer(at, "mlp.down_proj", None if at == 3 else 19.25 + at / 8, scheme="int4 group 128") for at in range(14)
    ),
    kept=(
        KeptTensor("lm_head.weight", (32000, 2048), "bfloat16", 131_072_000, "lm_head"),
        *(KeptTensor(f"model.layers.{at}.norm.weight", (2048,), "bfloat16", 4_096, "1 dimension") for at in range(11)),
        *(KeptTensor(f"model.rare.{at}", (), "int64", 8, f"--skip rare.{at}") for at in range(3_000)),
    ),
    load_line='model = AutoModelForCausalLM.from_pretrained("models/llama-w4a16")',
    warnings=("no --data: only the error of the weights is known, not what it does to answers",),
)
"""A streamed checkpoint without data: one layer exact, and 3,000 tensors each kept for a reason of its own."""
SLOWER = replace(
    AUTO,
    scheme="int8",
    format="torch",
    tensors=TensorCounts(quantized=1, kept=0),
    layers=(layer(0, "x", None),),
    kept=(),
    bytes_before=4_000_000,
    bytes_after=4_100_000,
    quality=BETTER,
    speedup=replace(
        SPEED,
        value=0.8,
        low=0.78,
        high=0.83,
        against_strongest=Ratio(0.8, 0.78, 0.83),
        strongest="torch float32",
        latency_p50_s=0.0789,
    ),
    cost=CostImpact(Decimal(1000), Decimal(1250), Decimal("1204.82"), Decimal("1282.05"), Decimal(-250)),
    frontier=(),
    failures=(),
    warnings=(),
)
"""A scheme by name that is slower here and a little better; it was only one variant."""
GENERATE = replace(
    WEIGHTS, quality=LANGUAGE, warnings=(), layers=WEIGHTS.layers[4:6], kept=WEIGHTS.kept[:1], target="transformers"
)
"""A language model with data."""
REPORTS = {"auto": AUTO, "weights": WEIGHTS, "slower": SLOWER, "generate": GENERATE}
