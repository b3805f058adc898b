from __future__ import annotations

from typing import Any

import pytest

from tests.models.extras import library

torch = library("torch", "models")
from llmopt.models.distill.training.attention import LONGEST, attending  # noqa: E402

CPU = torch.device("cpu")


def bert() -> Any:
    transformers = library("transformers", "models")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=2
    )
    return transformers.BertForSequenceClassification(config).eval()


def way(model: Any) -> str:
    return str(model.config._attn_implementation)


def test_plain_products_give_the_same_and_are_put_back() -> None:
    model = bert()
    ids, mask = torch.tensor([[1, 2, 3], [4, 5, 0]]), torch.tensor([[1, 1, 1], [1, 1, 0]])
    before, exact = way(model), model(ids, mask).logits
    with attending(model, CPU, "bfloat16", LONGEST):
        assert (before, way(model), way(model.bert)) == ("sdpa", "eager", "eager")
        assert torch.allclose(model(ids, mask).logits, exact, atol=1e-6)
    assert way(model) == way(model.bert) == before


def test_they_are_put_back_after_an_error() -> None:
    model = bert()
    with pytest.raises(KeyError), attending(model, CPU, "bfloat16", 8):
        raise KeyError
    assert way(model) == "sdpa"


@pytest.mark.parametrize(
    ("place", "precision", "longest"),
    [("cpu", "float32", 8), ("cuda", "bfloat16", 8), ("cpu", "bfloat16", LONGEST + 1)],
)
def test_elsewhere_attention_is_left_to_torch(place: str, precision: Any, longest: int) -> None:
    model = bert()
    with attending(model, torch.device(place), precision, longest):
        assert way(model) == "sdpa"


def test_what_the_user_chose_and_other_models_are_left_alone() -> None:
    model = bert()
    model.set_attn_implementation("eager")
    with attending(model, CPU, "bfloat16", 8):
        assert way(model) == "eager"
    assert way(model) == "eager"
    with attending(torch.nn.Linear(1, 1), CPU, "bfloat16", 8):
        pass
