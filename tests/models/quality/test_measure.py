"""What is told of a model follows from its answers alone: which texts count, which figures there are, what warns."""

from __future__ import annotations

import dataclasses
import importlib
import math
import pickle
import random
from typing import Any

import pytest

from llmopt.errors import InputError, UsageError
from llmopt.models.quality.data import Sample
from tests.models.extras import library
from tests.models.quality.fakes import Fake

torch = library("torch", "semantic")
measure: Any = importlib.import_module("llmopt.models.quality.measure")

LABELS = ("no", "yes")


def words(count: int) -> list[str]:
    rng = random.Random(0)
    return ["".join(rng.choices("abcdefgh", k=rng.randint(9, 30))) for _ in range(count)]


def samples(texts: list[str], labels: list[str | None] | None = None) -> list[Sample]:
    pairs = zip(texts, labels or [None] * len(texts), strict=True)
    return [Sample(text, label, at, "f") for at, (text, label) in enumerate(pairs, 1)]


def vectors(texts: list[str], noise: float = 0) -> dict[str, Any]:
    torch.manual_seed(3)
    return {text: torch.randn(16) + noise * torch.randn(16) for text in texts}


def scores(texts: list[str], likely: list[float]) -> dict[str, Any]:
    return {text: [1 - value, value] for text, value in zip(texts, likely, strict=True)}


def logits(texts: list[str], noise: float = 0, seed: int = 5) -> dict[str, Any]:
    torch.manual_seed(seed)
    base = {text: torch.randn(len(text), 256) for text in texts}
    return {text: rows + noise * torch.randn_like(rows) for text, rows in base.items()}


def filled(quality: Any) -> set[str]:
    optional = [field.name for field in dataclasses.fields(quality) if field.default is None]
    return {name for name in optional if getattr(quality, name) is not None}


def test_an_encoder() -> None:
    texts = words(60)
    reference = measure.reference(Fake(vectors(texts)), samples(texts))
    found = measure.quality(reference, Fake(vectors(texts, 0.3)))
    assert (found.task, found.inputs, found.tokens) == ("embed", 60, sum(map(len, texts)))
    assert found.drop == pytest.approx(1 - found.top1_agreement)
    assert 0 < found.drop_low < found.drop < found.drop_high < 1
    assert found.drop_metric == "nearest neighbours changed"
    assert filled(found) == {"cosine", "cosine_p5", "rank_correlation", "top1_agreement", "topk_agreement", "k"}
    assert found.warnings == ()
    same = measure.quality(reference, Fake(vectors(texts)))
    assert (same.drop, same.drop_low, same.topk_agreement) == (0, 0, 1)
    assert same.drop_high > 0.05


def test_equal_texts_are_no_neighbours_of_each_other() -> None:
    """Each text twice: its copy would be its nearest with any model, and no drop would ever be seen."""
    texts = words(40)
    once = measure.quality(measure.reference(Fake(vectors(texts)), samples(texts)), Fake(vectors(texts, 1)))
    reference = measure.reference(Fake(vectors(texts)), samples([*texts, *reversed(texts)]))
    twice = measure.quality(reference, Fake(vectors(texts, 1)))
    assert (twice.inputs, twice.drop) == (40, once.drop)
    assert once.drop > 0.5
    assert twice.warnings == ("40 of 80 inputs equal another: they count once",)


def test_texts_of_the_same_tokens_are_equal() -> None:
    texts = [*words(10), "x" * 30 + "left out", "x" * 30 + "cut too"]
    known = vectors([text[:30] for text in texts])
    reference = measure.reference(Fake(known, longest=30), samples(texts))
    assert len(reference.samples) == 11
    assert reference.warnings == (
        "1 of 12 inputs equal another: they count once",
        "1 of 11 texts longer than the model reads: its first 30 tokens count",
    )


def test_batches_hold_texts_of_the_same_length() -> None:
    texts = words(50)
    model = Fake(vectors(texts))
    reference = measure.reference(model, samples(texts), batch_size=8)
    assert [len(batch) for batch in model.batches] == [8, 8, 8, 8, 8, 8, 2]
    flat = [length for batch in model.batches for length in batch]
    assert flat == sorted(flat, reverse=True)
    for text, row in zip(texts, reference.answers, strict=True):
        assert torch.equal(row, vectors(texts)[text])


def test_of_many_texts_a_part_is_drawn() -> None:
    texts = words(50)
    reference = measure.reference(Fake(vectors(texts)), samples(texts), most=20)
    again = measure.reference(Fake(vectors(texts)), samples(texts)[::-1], most=20)
    assert [sample.line for sample in reference.samples] == sorted(sample.line for sample in again.samples)
    assert reference.warnings == ("20 of 50 texts were used, drawn by their hash: each is compared with all",)


def test_too_few_texts_for_the_gate_says_how_many_would_do() -> None:
    texts = words(60)
    reference = measure.reference(Fake(vectors(texts)), samples(texts))
    (warning,) = measure.quality(reference, Fake(vectors(texts)), gate=0.02).warnings
    assert warning == (
        "too few texts for the gate: 60 show a drop between 0.0 % and 6.0 %, with 2 % in between; "
        "about 190 like these would tell"
    )
    assert measure.quality(reference, Fake(vectors(texts)), gate=0.1).warnings == ()
    assert measure.quality(reference, Fake(vectors(texts, 2)), gate=0.02).warnings == ()


def test_a_reference_that_tells_no_texts_apart_is_told() -> None:
    texts = words(20)
    flat = dict.fromkeys(texts, torch.ones(4))
    told = measure.quality(measure.reference(Fake(flat), samples(texts)), Fake(vectors(texts))).warnings
    assert len(told) == 2
    assert told[0].startswith("the reference puts all texts near each other (mean cosine 1.00), as random weights do")
    assert told[1].startswith("the reference itself has several nearest texts for 20 of 20")


def test_sizes_of_vectors_may_differ() -> None:
    texts = words(20)
    wide = {text: torch.cat([row, torch.zeros(3)]) for text, row in vectors(texts).items()}
    found = measure.quality(measure.reference(Fake(vectors(texts)), samples(texts)), Fake(wide))
    assert (found.drop, found.cosine, found.cosine_p5) == (0, None, None)


@pytest.mark.parametrize(
    ("texts", "message"),
    [([], "no text"), (["a", "a", "b"], "only 2 different texts: who is nearest")],
)
def test_too_few_texts_for_neighbours_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        measure.reference(Fake(vectors(texts)), samples(texts))


def test_inputs_that_tell_nothing_are_seen_before_all_are_answered() -> None:
    with pytest.raises(InputError, match="only 1 different text: who is nearest"):
        measure.check_inputs(Fake({}), samples(["a", "a"]))
    texts = words(50)
    model = Fake(scores(texts, [0.1] * 50), "classify", labels=LABELS)
    with pytest.raises(InputError, match="f:50: the model knows no label 'maybe'"):
        measure.check_inputs(model, samples(texts, [*["yes"] * 49, "maybe"]))
    assert sum(map(len, model.batches)) < 10
    known: list[str | None] = ["yes"] * 50
    measure.check_inputs(model, samples(texts, known))
    measure.check_inputs(model, samples(texts))
    several = Fake({text: [0.9, 0.8] for text in texts}, "classify", labels=LABELS)
    unknown: list[str | None] = ["maybe"] * 50
    measure.check_inputs(several, samples(texts, unknown))
    measure.check_inputs(Fake({}, "generate"), samples(texts))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_answer_that_is_not_finite_is_told(value: float) -> None:
    texts = words(9)
    broken = vectors(texts)
    broken[texts[4]] = torch.tensor([1.0] * 15 + [value])
    fine = measure.reference(Fake(vectors(texts)), samples(texts))
    told = r"^fake: what it computes for f:5 is not finite$"
    with pytest.raises(InputError, match=told):
        measure.reference(Fake(broken), samples(texts))
    with pytest.raises(InputError, match=told):
        measure.quality(fine, Fake(broken))


def test_a_classifier_with_labels() -> None:
    texts = words(8)
    wanted: list[str | None] = ["yes", "YES", "1", "no", "0", "LABEL_0", "no", "no"]
    before = scores(texts, [0.9, 0.8, 0.7, 0.1, 0.2, 0.3, 0.9, 0.4])
    after = scores(texts, [0.9, 0.4, 0.4, 0.1, 0.2, 0.3, 0.1, 0.4])
    reference = measure.reference(Fake(before, "classify", labels=LABELS), samples(texts, wanted))
    found = measure.quality(reference, Fake(after, "classify", labels=LABELS))
    assert (found.drop, found.drop_metric) == (pytest.approx(1 / 8), "accuracy lost")
    assert (found.accuracy_before, found.accuracy_after, found.agreement) == (7 / 8, 6 / 8, 5 / 8)
    assert found.score_error == pytest.approx((0.4 + 0.3 + 0.8) / 8)
    assert found.drop_low < 0 < found.drop_high
    assert filled(found) == {"agreement", "accuracy_before", "accuracy_after", "score_error"}
    turned = {text: row[::-1] for text, row in after.items()}
    assert measure.quality(reference, Fake(turned, "classify", labels=("Yes", "No"))) == found


def test_a_classifier_without_labels() -> None:
    texts = words(10)
    before = scores(texts, [0.9] * 5 + [0.1] * 5)
    after = scores(texts, [0.9] * 4 + [0.1] * 6)
    reference = measure.reference(Fake(before, "classify", labels=LABELS), samples(texts))
    found = measure.quality(reference, Fake(after, "classify", labels=LABELS))
    assert (found.drop, found.drop_metric, found.accuracy_before) == (pytest.approx(0.1), "labels changed", None)


def test_what_makes_accuracy_mean_less_is_told() -> None:
    texts = words(40)
    model = Fake(scores(texts, [0.9] * 39 + [0.1]), "classify", labels=LABELS)
    wrong: list[str | None] = ["no"] * 30 + [None] * 10
    found = measure.quality(measure.reference(model, samples(texts, wrong)), model)
    assert found.warnings == (
        "only 30 of 40 texts have a label: the drop is of these",
        "the reference has only 0 % right, less than by chance: look how classes are numbered",
    )
    flat = Fake(scores(texts, [0.9] * 40), "classify", labels=LABELS)
    (warning,) = measure.quality(measure.reference(flat, samples(texts)), flat).warnings
    assert warning.startswith("the reference gives every text the same label")


def test_a_text_with_two_labels_is_two_inputs() -> None:
    model = Fake(scores(["a", "b"], [0.1, 0.9]), "classify", labels=LABELS)
    reference = measure.reference(model, samples(["a", "a", "b", "b"], ["no", "yes", "yes", "1"]))
    assert reference.truth == (0, 1, 1, 1)


def test_a_classifier_of_several_labels() -> None:
    texts = words(5)
    model = Fake({text: [0.9, 0.8] for text in texts}, "classify", labels=LABELS)
    found = measure.quality(measure.reference(model, samples(texts, ['["yes", "no"]'] * 5)), model)
    assert (found.drop_metric, found.accuracy_before) == ("labels changed", None)
    assert found.warnings == ("the model may give a text several labels: the labels of the inputs were not used",)


@pytest.mark.parametrize(("labels", "row"), [(("LABEL_0",), [0.5]), (LABELS, [3.0, -2.0])])
def test_plain_numbers_are_no_classes(labels: tuple[str, ...], row: list[float]) -> None:
    with pytest.raises(InputError, match="gives plain numbers, no classes"):
        measure.reference(Fake({"a": row}, "classify", labels=labels), samples(["a"]))


def test_other_classes_and_other_tasks_are_refused() -> None:
    one = Fake(scores(["a"], [0.1]), "classify", labels=LABELS)
    other = Fake(scores(["a"], [0.1]), "classify", labels=("cat", "dog"), name="pets")
    reference = measure.reference(one, samples(["a"]))
    with pytest.raises(InputError, match="pets and fake tell other classes apart: cat, dog and no, yes"):
        measure.quality(reference, other)
    with pytest.raises(InputError, match="fake is for embed, fake for classify"):
        measure.quality(reference, Fake({}))
    with pytest.raises(UsageError, match="nobody knows"):
        measure.reference(Fake({}, "callable"), samples(["a"]))


def test_a_language_model() -> None:
    texts = words(30)
    base = Fake(logits(texts), "generate")
    reference = measure.reference(base, samples(texts))
    found = measure.quality(reference, Fake(logits(texts, 0.5), "generate"))
    assert (found.task, found.inputs, found.tokens) == ("generate", 30, sum(map(len, texts)) - 30)
    assert found.drop == pytest.approx(found.perplexity_after / found.perplexity_before - 1)
    assert found.drop_low < found.drop < found.drop_high
    assert found.drop_metric == "perplexity gained"
    assert filled(found) == {"top1_agreement", "perplexity_before", "perplexity_after", "kl_nats"}
    assert 0 < found.kl_nats < 1
    assert found.warnings == (
        f"the reference guesses: perplexity {found.perplexity_before:,.0f} of 256 tokens; random weights?",
    )
    same = measure.quality(reference, base)
    assert (same.drop, same.kl_nats, same.top1_agreement) == (0, 0, 1)


def test_texts_that_one_model_cuts_are_compared_as_far_as_both_read() -> None:
    texts = words(12)
    known = logits(texts)
    short = {text[:10]: rows[:10] for text, rows in known.items()} | known
    reference = measure.reference(Fake(short, "generate"), samples(texts))
    found = measure.quality(reference, Fake(short, "generate", longest=10))
    assert (found.drop, found.tokens) == (0, sum(min(10, len(text)) - 1 for text in texts))


class Pairs(Fake):
    """The same texts in tokens of two characters."""

    def encode(self, texts: Any) -> list[list[int]]:
        cut = [text[: self.facts.max_tokens and 2 * self.facts.max_tokens] for text in texts]
        return [[ord(text[at]) + 200 * (at + 1 < len(text)) for at in range(0, len(text), 2)] for text in cut]

    def count(self, text: str) -> int:
        return -(-len(text) // 2)

    def decode(self, ids: Any) -> str:
        return "".join("ab" if at > 200 else "a" for at in ids)

    def token_logits(self, requests: list[list[int]]) -> list[Any]:
        return [torch.zeros(len(request), 500) for request in requests]


def test_models_of_other_tokens_are_compared_by_bytes() -> None:
    texts = ["abcdefgh", "abc", "hgfedc", "é" * 4]
    chars = Fake({text: torch.zeros(len(text), 256) for text in texts}, "generate")
    reference = measure.reference(chars, samples(texts))
    found = measure.quality(reference, Pairs({}, "generate", longest=4))
    # one token of 256 for each character but the first, one of 500 for each two
    before = 8 * (7 + 2 + 5 + 3) / (7 + 2 + 5 + 6)
    after = math.log2(500) * (3 + 1 + 2 + 1) / (6 + 1 + 4 + 6)
    assert [found.bits_per_byte_before, found.bits_per_byte_after] == pytest.approx([before, after])
    assert found.drop == pytest.approx(after / before - 1)
    assert (found.drop_metric, found.inputs, found.tokens) == ("bits per byte gained", 4, 17)
    assert filled(found) == {"bits_per_byte_before", "bits_per_byte_after"}
    assert found.warnings == ("the models have different tokens, so they are compared by bits per byte of text",)
    less = measure.quality(reference, Pairs({}, "generate", longest=3))
    assert less.inputs == 3
    assert less.warnings[-1] == "1 text longer than a model reads: left out"
    with pytest.raises(InputError, match="have different tokens, and 0 texts are short enough"):
        measure.quality(reference, Pairs({}, "generate", longest=1))


def test_texts_of_one_token_have_no_next_one() -> None:
    model = Fake(logits(["ab", "abc", "x"]), "generate")
    reference = measure.reference(model, samples(["ab", "abc", "x"]))
    assert reference.warnings == ("1 text of a single token: no next one",)
    with pytest.raises(InputError, match="1 text of two tokens or more: at least 2 are needed"):
        measure.reference(model, samples(["ab", "x"]))


def test_references_of_encoders_and_classifiers_can_be_sent_to_a_process() -> None:
    texts = words(5)
    reference = measure.reference(Fake(vectors(texts)), samples(texts))
    again = pickle.loads(pickle.dumps(reference))
    assert torch.equal(again.answers, reference.answers)
    assert (again.samples, again.holds_model) == (reference.samples, False)
    assert measure.reference(Fake(logits(texts), "generate"), samples(texts)).holds_model
