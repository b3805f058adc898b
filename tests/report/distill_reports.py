"""Results of `llmopt distill` with fixed figures, as real ones differ from machine to machine."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from llmopt.core.ratio import Ratio
from llmopt.models.distill.report import Check, DataUse, DistillReport, Kept, LatencyRatio, ModelSize, Training
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.report import CostImpact

CHECKS = tuple(
    Check(100 * at, 0.25 * at, 45.5 * at, loss)
    for at, loss in enumerate((0.412, 0.2114, 0.16021, 0.1304, 0.1101, 0.0975, 0.0902, 0.0871, 0.0868, 0.08702), 1)
)
TRAINED = Quality(
    task="embed",
    inputs=2_000,
    tokens=36_000,
    drop=0.3635,
    drop_low=0.3427,
    drop_high=0.3848,
    drop_metric="nearest neighbours changed",
    cosine=0.91234,
    cosine_p5=0.84012,
    rank_correlation=0.88713,
    top1_agreement=0.6365,
    topk_agreement=0.6521,
    k=10,
)
UNTRAINED = replace(
    TRAINED,
    drop=0.7415,
    drop_low=0.7218,
    drop_high=0.7602,
    cosine=0.47211,
    cosine_p5=0.22105,
    rank_correlation=0.51044,
    top1_agreement=0.2585,
    topk_agreement=0.2871,
)
EMBED = DistillReport(
    loss="embed",
    task="embed",
    student="layers 0, 2, 5 of the teacher",
    teacher_size=ModelSize("models/minilm", 22_713_216, 6, 384, 90_852_864),
    student_size=ModelSize("models/small", 17_389_824, 3, 384, 69_559_296),
    data=DataUse(34_120, 500, 2_000, 0, 412, 38),
    training=Training(
        steps=1_000,
        epochs=2.5,
        texts=85_300,
        tokens=1_876_600,
        teacher_s=61.4,
        training_s=455.0,
        precision="bfloat16",
        devices=1,
        learning_rate=1e-3,
        batch_size=64,
        ended="max time",
        best_step=900,
        resumed=0,
        checks=CHECKS,
    ),
    quality=TRAINED,
    kept=Kept("nearest neighbours", 0.6365, 0.6152, 0.6573),
    untrained=UNTRAINED,
    speed=LatencyRatio(Ratio(1.94, 1.91, 1.98), 0.1284, 0.0662, 8, 128, 2, 30),
    cost=CostImpact(Decimal(1000), Decimal("515.46"), Decimal("505.05"), Decimal("523.56"), Decimal("484.54")),
    destination="models/small",
    load_line="import llmopt.models; model = llmopt.models.open_model('models/small')",
    failures=("63.65% of nearest neighbours kept on 2,000 held-out texts; the gate is 95.00%",),
    warnings=("texts.txt:17: no text in it",),
)
CLASSIFY = DistillReport(
    loss="kd",
    task="classify",
    student="a narrower config, 61% of its weights from the teacher",
    teacher_size=ModelSize("models/topics", 22_716_000, 6, 384, 90_864_000),
    student_size=ModelSize("models/topics-small", 4_386_000, 3, 128, 17_544_000),
    data=DataUse(9_000, 450, 1_000, 2_400, 0, 0),
    training=replace(
        EMBED.training,
        precision="float32",
        devices=2,
        ended="no gain",
        best_step=40,
        resumed=2,
        checks=tuple(Check(10 * at, 0.1 * at, 9.5 * at, 1 / (at + 1)) for at in range(1, 41)),
    ),
    quality=Quality(
        task="classify",
        inputs=1_000,
        tokens=24_000,
        drop=0.009,
        drop_low=-0.002,
        drop_high=0.0201,
        drop_metric="accuracy lost",
        agreement=0.954,
        accuracy_before=0.912,
        accuracy_after=0.903,
        score_error=0.0412,
        warnings=("the gate of 95% is inside the interval; more texts would tell",),
    ),
    kept=Kept("accuracy", 0.99013, 0.97802, 1.00231),
    untrained=None,
    speed=LatencyRatio(Ratio(5.31, 5.12, 5.5), 0.1284, 0.02418, 8, 128, 2, 30),
    destination="models/topics-small",
    load_line="import llmopt.models; model = llmopt.models.open_model('models/topics-small')",
)
FILL = DistillReport(
    loss="lm",
    task="fill",
    student="layers 0, 1 of the teacher",
    teacher_size=ModelSize("models/bert", 109_514_298, None, None, 438_057_192),
    student_size=ModelSize("", 109_514_298, None, None, 438_057_192),
    data=DataUse(1, 1, 1, 0, 0, 0),
    training=replace(
        EMBED.training, steps=1, texts=1, tokens=0, training_s=0.0, ended="a signal", resumed=1, checks=()
    ),
    quality=Quality(
        task="fill",
        inputs=40,
        tokens=812,
        drop=0.0661,
        drop_low=0.051,
        drop_high=0.0814,
        drop_metric="perplexity gained",
        top1_agreement=0.8314,
        perplexity_before=8.214,
        perplexity_after=8.757,
        kl_nats=0.0713,
    ),
    kept=Kept("perplexity", 0.938, 0.9247, 0.9515),
    untrained=None,
    speed=LatencyRatio(Ratio(0.99, 0.97, 1.02), 0.51, 0.515, 8, 128, 1, 3),
    cost=CostImpact(Decimal(1000), Decimal("1010.10"), Decimal("980.39"), Decimal("1030.93"), Decimal("-10.10")),
)
REPORTS = {"embed": EMBED, "classify": CLASSIFY, "fill": FILL}
