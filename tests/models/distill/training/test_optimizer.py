from __future__ import annotations

from tests.models.extras import library

torch = library("torch", "models")
from llmopt.models.distill.training.optimizer import frozen, moments, optimizer_of, set_moments  # noqa: E402
from tests.models.distill.training.fakes import student  # noqa: E402

TABLE = "table.weight"


def test_frozen_weights_are_left_out_and_freed_afterwards() -> None:
    model = student().model
    with frozen(model, (TABLE,)) as weights:
        assert TABLE not in weights
        assert not model.get_parameter(TABLE).requires_grad
        assert len(weights) == len(list(model.parameters())) - 1
    assert model.get_parameter(TABLE).requires_grad


def test_what_was_frozen_before_stays_so() -> None:
    model = student().model
    model.get_parameter(TABLE).requires_grad_(False)
    with frozen(model, (TABLE,)):
        pass
    assert not model.get_parameter(TABLE).requires_grad


def test_biases_and_norms_do_not_decay() -> None:
    with frozen(student().model, ()) as weights:
        decaying, others = optimizer_of(weights).param_groups
    assert decaying["weight_decay"] == 0.01
    assert others["weight_decay"] == 0
    assert {weight.dim() for weight in decaying["params"]} == {2}
    assert {weight.dim() for weight in others["params"]} == {1}


def test_only_biases_are_trained_too() -> None:
    assert len(optimizer_of({"bias": torch.nn.Parameter(torch.zeros(3))}).param_groups) == 1


def test_moments_go_to_another_optimizer_by_name() -> None:
    weights = {name: torch.nn.Parameter(torch.ones(2)) for name in ("a", "b", "unused")}
    optimizer = optimizer_of(weights)
    for _ in range(3):
        for name in ("a", "b"):
            weights[name].grad = torch.full((2,), 1.0 if name == "a" else 2.0)
        optimizer.step()
    kept = moments(optimizer, weights)
    assert sorted(kept) == sorted(f"{kind}.{name}" for kind in ("step", "exp_avg", "exp_avg_sq") for name in "ab")
    other = dict(reversed([(name, torch.nn.Parameter(torch.ones(2))) for name in weights]))
    taken = optimizer_of(other)
    set_moments(taken, other, kept)
    again = moments(taken, other)
    assert again.keys() == kept.keys()
    assert all(torch.equal(kept[name], again[name]) for name in kept)
