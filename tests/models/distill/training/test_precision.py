from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.models.extras import library

torch = library("torch", "models")
from llmopt.models.distill.training import precision  # noqa: E402
from llmopt.models.distill.training.precision import computing, precision_of, widened  # noqa: E402

CPU = torch.device("cpu")


def bert() -> Any:
    transformers = library("transformers", "models")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    return transformers.BertModel(config)


@pytest.mark.parametrize(("has", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_a_processor_with_bfloat16_computes_in_it(monkeypatch: pytest.MonkeyPatch, has: bool, expected: str) -> None:
    monkeypatch.setattr(precision, "features", lambda: SimpleNamespace(bfloat16=has))
    assert precision_of(CPU) == expected
    assert precision_of(torch.device("mps")) == "float32"


@pytest.mark.parametrize(("has", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_a_gpu_with_bfloat16_computes_in_it(monkeypatch: pytest.MonkeyPatch, has: bool, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has)
    assert precision_of(torch.device("cuda", 0)) == expected


def test_a_model_computes_in_bfloat16_and_gives_float32() -> None:
    model = bert().eval()
    ids, seen = torch.tensor([[1, 2, 3]]), []
    layer: Any = model.encoder.layer[0].output.dense
    layer.register_forward_hook(lambda module, given, result: seen.append(result.dtype))
    exact = model(ids).last_hidden_state
    with computing(model, CPU, "bfloat16"):
        output = model(ids, output_hidden_states=True)
    assert seen == [torch.float32, torch.bfloat16]
    assert {state.dtype for state in (*output.hidden_states, output.last_hidden_state)} == {torch.float32}
    assert torch.nn.functional.cosine_similarity(exact, output.last_hidden_state, dim=-1).min() > 0.999
    assert "forward" not in vars(model)


def test_float32_leaves_the_model_alone() -> None:
    model = bert()
    with computing(model, CPU, "float32"):
        assert "forward" not in vars(model)


def test_a_model_is_itself_again_after_an_error() -> None:
    model = bert()
    with pytest.raises(KeyError), computing(model, CPU, "bfloat16"):
        raise KeyError
    assert "forward" not in vars(model)


def test_tensors_are_made_float32_wherever_they_are() -> None:
    half, whole = torch.zeros(1, dtype=torch.bfloat16), torch.zeros(1, dtype=torch.int64)
    found = widened({"a": half, "b": (half, whole, None), "c": "text"})
    assert found["a"].dtype == found["b"][0].dtype == torch.float32
    assert found["b"][1].dtype == torch.int64
    assert found["b"][2] is None
    assert found["c"] == "text"
