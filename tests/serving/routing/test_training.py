"""Training the score: it learns what is there, nothing where nothing is, and the same each time."""

from __future__ import annotations

import math
import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.routing_data import Labelled, prompts
from llmopt.serving.routing import training
from llmopt.serving.routing.calibration import calibration, logit_of, sigmoid
from llmopt.serving.routing.features import hashes_and_dense
from llmopt.serving.routing.training import Example, Trained, trained


def examples(labelled: list[Labelled], seed: int) -> list[Example]:
    rng = random.Random(seed)
    return [Example(one.text, float(rng.random() < one.cheap_fails)) for one in labelled]


def score(learned: Trained, text: str) -> float:
    hashes, dense = hashes_and_dense(text)
    logit = learned.bias + sum(learned.hashed.get(feature, 0.0) for feature in hashes) / math.sqrt(len(hashes))
    logit += sum(weight * value for weight, value in zip(learned.dense, dense, strict=True))
    return sigmoid(learned.slope * logit + learned.offset)


def area(scored: list[tuple[float, float]]) -> float:
    """The chance that a prompt that fails scores above one that does not."""
    above = [score for score, target in scored if target]
    below = [score for score, target in scored if not target]
    wins = sum((a > b) + (a == b) / 2 for a in above for b in below)
    return wins / (len(above) * len(below))


def test_it_learns_the_generated_set_nearly_as_well_as_can_be() -> None:
    labelled = prompts(2500, seed=3)
    data = examples(labelled, 3)
    learned = trained(data[:1500], data[1500:1900])
    test = list(zip(labelled[1900:], data[1900:], strict=True))
    reached = area([(score(learned, one.text), one.target) for _, one in test])
    best = area([(known.cheap_fails, one.target) for known, one in test])
    assert reached > best - 0.04
    assert best > 0.8
    mean = sum(score(learned, one.text) for _, one in test) / len(test)
    assert mean == pytest.approx(sum(known.cheap_fails for known, _ in test) / len(test), abs=0.05)
    assert learned.loss < learned.base_loss


def test_the_same_examples_give_the_same_weights() -> None:
    data = examples(prompts(300, seed=1), 1)
    assert trained(data[:200], data[200:], seed=5) == trained(data[:200], data[200:], seed=5)
    assert trained(data[:200], data[200:], seed=5) != trained(data[:200], data[200:], seed=6)


def test_sums_do_not_depend_on_the_version_of_python() -> None:
    """`sum` of floats rounds otherwise from 3.12 on, so a logit of 1e16, 1 and -1e16 tells which one was taken."""
    row = training._Row(array("H", [0, 1, 2]), (), 1.0, 0.0)
    model = training._Model(3, [], 0.0)
    model.hashed = [1e16, 1.0, -1e16]
    assert model.logit(row) == 1.0


def test_of_noise_it_learns_next_to_nothing() -> None:
    rng = random.Random(2)
    data = [Example(one.text, float(rng.random() < 0.3)) for one in prompts(900, seed=2)]
    learned = trained(data[:600], data[600:])
    assert learned.loss > learned.base_loss - 0.02
    scores = [score(learned, one.text) for one in data[600:]]
    assert 0.2 < sum(scores) / len(scores) < 0.4


def test_a_loss_of_the_strong_model_counts_against_it() -> None:
    """Where it is as often worse as it is better, nothing is gained, though single answers say so."""
    rng = random.Random(4)
    data = [Example("even task", rng.choice([1.0, -1.0])) for _ in range(300)]
    data += [Example("hard task", rng.choice([1.0, 1.0, 0.0])) for _ in range(300)]
    rng.shuffle(data)
    learned = trained(data[:400], data[400:])
    gains = [learned.floor + (1 - learned.floor) * score(learned, text) for text in ("hard task", "even task")]
    assert gains == [pytest.approx(2 / 3, abs=0.15), pytest.approx(0, abs=0.15)]


def test_nothing_to_gain_is_no_error() -> None:
    data = [Example(f"task {number}", -1.0) for number in range(60)]
    learned = trained(data[:40], data[40:])
    assert score(learned, "task 1") < 0.1
    assert math.isfinite(learned.bias)


def test_texts_may_be_empty_and_all_alike() -> None:
    data = [Example("", float(number % 2)) for number in range(60)]
    learned = trained(data[:40], data[40:])
    assert 0.3 < sigmoid(learned.slope * learned.bias + learned.offset) < 0.7


def test_rare_features_have_no_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    data = [Example(f"common unique{number}", float(number % 2)) for number in range(40)]
    assert len(trained(data[:30], data[30:]).hashed) <= 1
    many = examples(prompts(200, seed=1), 1)
    monkeypatch.setattr(training, "MAX_COUNTED", 40)
    assert 1 < len(trained(many[:150], many[150:]).hashed) <= 40
    monkeypatch.setattr(training, "MAX_LOOKED_AT", 500)
    assert 1 < len(trained(many[:150], many[150:]).hashed) <= 40
    monkeypatch.setattr(training, "MAX_FEATURES", 5)
    assert len(trained(many[:150], many[150:]).hashed) <= 5


def test_rounds_are_bounded_by_the_size_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "BUDGET", 1)
    data = examples(prompts(100, seed=1), 1)
    assert trained(data[:80], data[80:]).rounds == 1


def test_calibration_undoes_a_wrong_scale() -> None:
    rng = random.Random(9)
    truth = [rng.gauss(0, 1.5) for _ in range(4000)]
    targets = [float(rng.random() < sigmoid(z)) for z in truth]
    slope, offset = calibration([4 * z + 3 for z in truth], targets)
    assert slope == pytest.approx(0.25, rel=0.1)
    assert offset == pytest.approx(-0.75, abs=0.12)


@given(st.lists(st.tuples(st.floats(-60, 60), st.floats(-1, 1)), min_size=1, max_size=40))
def test_calibration_is_always_finite_and_never_turns_the_order(pairs: list[tuple[float, float]]) -> None:
    slope, offset = calibration([z for z, _ in pairs], [y for _, y in pairs])
    assert slope >= 0
    assert math.isfinite(slope)
    assert math.isfinite(offset)


@given(st.floats(-1e4, 1e4))
def test_sigmoid_and_logit(z: float) -> None:
    assert 0 <= sigmoid(z) <= 1
    assert sigmoid(z) + sigmoid(-z) == pytest.approx(1)
    assert sigmoid(logit_of(sigmoid(z))) == pytest.approx(min(max(sigmoid(z), 1e-4), 1 - 1e-4))
