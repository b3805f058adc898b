"""Perplexity, divergence and agreement are those of transformers itself, in whatever windows and pieces."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from llmopt.core.target import TargetFacts
from llmopt.errors import InputError
from llmopt.models.quality.data import Sample
from tests.models.extras import library, save_gpt
from tests.models.quality.fakes import Fake

torch = library("torch", "semantic")
transformers = library("transformers", "semantic")
language: Any = importlib.import_module("llmopt.models.quality.language")


class Causal:
    """A model of transformers, one text at a time, so that nothing is padded."""

    def __init__(self, folder: Path, noise: float = 0, longest: int | None = 64) -> None:
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
        torch.manual_seed(1)
        for weights in self.model.parameters():
            weights.data += noise * torch.randn_like(weights)
        self.facts = TargetFacts(str(folder), "generate", "cpu", "test", max_tokens=longest)
        self.known_tokens = self.model.config.vocab_size
        self.asked: list[list[int]] = []

    def token_logits(self, requests: list[list[int]]) -> list[Any]:
        self.asked += requests
        with torch.inference_mode():
            return [self.model(input_ids=torch.tensor([request])).logits[0] for request in requests]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_gpt(tmp_path_factory.mktemp("gpt") / "model", initializer_range=0.5)


def texts(known: int, lengths: Sequence[int]) -> list[list[int]]:
    torch.manual_seed(0)
    return [torch.randint(known, (length,)).tolist() for length in lengths]


def slow(before: Causal, after: Causal, ids: list[int]) -> tuple[float, float, float, int]:
    one, other = ([row.double().softmax(0).tolist() for row in m.token_logits([ids])[0]] for m in (before, after))
    both = [-math.fsum(math.log(rows[at - 1][ids[at]]) for at in range(1, len(ids))) for rows in (one, other)]
    kl, same = 0.0, 0
    for at in range(len(ids) - 1):
        kl += math.fsum(p * math.log(p / q) for p, q in zip(one[at], other[at], strict=True))
        same += one[at].index(max(one[at])) == other[at].index(max(other[at]))
    return both[0], both[1], kl, same


@pytest.fixture(scope="module")
def models(folder: Path) -> tuple[Causal, Causal]:
    return Causal(folder), Causal(folder, 0.2)


@pytest.fixture(scope="module")
def oracle(models: tuple[Causal, Causal]) -> tuple[list[list[int]], list[tuple[float, float, float, int]]]:
    requests = texts(models[0].known_tokens, (9, 2, 30, 30, 17))
    return requests, [slow(*models, ids) for ids in requests]


@pytest.mark.parametrize(("chunk", "rows"), [(4_000_000, 1), (60, 3), (1, 32)])
def test_it_says_what_slow_loops_say(
    models: tuple[Causal, Causal],
    oracle: tuple[list[list[int]], list[tuple[float, float, float, int]]],
    monkeypatch: pytest.MonkeyPatch,
    chunk: int,
    rows: int,
) -> None:
    monkeypatch.setattr(language, "_CHUNK", chunk)
    requests, wanted = oracle
    samples = [Sample("x")] * len(requests)
    found = language.side_by_side(*models, requests, samples, rows)
    for text, ids, (one, other, kl, same) in zip(found, requests, wanted, strict=True):
        assert (text.tokens, text.same) == (len(ids) - 1, same)
        assert [text.before_nats, text.after_nats] == pytest.approx([one, other], rel=1e-5)
        assert text.kl_nats == pytest.approx(kl, rel=1e-3, abs=1e-5)
    alone = language.nats(models[1], requests, samples, rows)
    assert alone == pytest.approx([text.after_nats for text in found])
    assert sum(text.same for text in found) < sum(text.tokens for text in found)


def test_perplexity_is_that_of_transformers(folder: Path) -> None:
    model = Causal(folder)
    (ids,) = texts(model.known_tokens, (50,))
    (nats,) = language.nats(model, [ids], [Sample("x")], 1)
    tensor = torch.tensor([ids])
    assert nats / 49 == pytest.approx(float(model.model(input_ids=tensor, labels=tensor).loss.detach()), rel=1e-5)


def test_the_same_model_has_no_divergence(folder: Path) -> None:
    model = Causal(folder)
    requests = texts(model.known_tokens, (30, 5))
    found = language.side_by_side(model, model, requests, [Sample("x")] * 2, 8)
    assert [(text.kl_nats, text.same) for text in found] == [(0, 29), (0, 4)]
    assert all(text.before_nats == text.after_nats for text in found)


@pytest.mark.parametrize("longest", [2, 5, 39])
def test_long_texts_are_read_in_windows(folder: Path, longest: int) -> None:
    model = Causal(folder, longest=longest)
    (ids,) = texts(model.known_tokens, (40,))
    (nats,) = language.nats(model, [ids], [Sample("x")], 4)
    assert max(map(len, model.asked)) <= longest
    wanted, start, counted = 0.0, 0, 1
    while counted < len(ids):
        window = ids[start : start + longest]
        rows = model.token_logits([window])[0].double().log_softmax(1)
        for at in range(counted, start + len(window)):
            assert at - start >= min(at, longest // 2), "half a window comes before each token"
            wanted -= float(rows[at - start - 1, ids[at]])
        counted = start + len(window)
        start += max(1, longest // 2)
    assert nats == pytest.approx(wanted, rel=1e-5)


def test_batches_hold_so_many_logits_at_most(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "MOST_LOGITS", 48 * 25)
    monkeypatch.setattr(language, "_WINDOW", (10, 20))
    model = Causal(folder)
    sizes: list[int] = []
    whole = model.token_logits

    def watched(asked: list[list[int]]) -> list[Any]:
        sizes.append(sum(map(len, asked)))
        return whole(asked)

    monkeypatch.setattr(model, "token_logits", watched)
    language.nats(model, texts(model.known_tokens, (60, 4, 4, 20, 7)), [Sample("x")] * 5, 32)
    assert max(sizes) <= 25
    assert max(map(len, model.asked)) <= 25


def test_tokens_that_only_one_model_knows_do_not_count() -> None:
    torch.manual_seed(0)
    rows = torch.randn(3, 100)
    more = torch.cat([rows, 5 + torch.randn(3, 28)], dim=1)
    models = Fake({"\n!A": rows}, "generate"), Fake({"\n!A": more}, "generate")
    (found,) = language.side_by_side(*models, [[10, 33, 65]], [Sample("x")], 1)
    assert (found.kl_nats, found.same, found.tokens) == (0, 2, 2)
    assert found.before_nats == pytest.approx(found.after_nats)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", [0, 1])
def test_numbers_that_are_none_are_told(value: float, at: int) -> None:
    fine, broken = torch.randn(3, 200), torch.randn(3, 200)
    broken[1, 7] = value
    models = [Fake({"abc": rows}, "generate", name=name) for rows, name in ((fine, "fine"), (broken, "broken"))]
    with pytest.raises(InputError, match=r"^broken: what it computes for a\.txt:5 is not finite$"):
        language.side_by_side(*models[:: 1 if at else -1], [[97, 98, 99]], [Sample("abc", line=5, path="a.txt")], 1)
    with pytest.raises(InputError, match="not finite"):
        language.nats(models[1], [[97, 98, 99]], [Sample("abc")], 1)


def test_an_opened_language_model_is_compared_with_its_noisy_copy(folder: Path, tmp_path: Path) -> None:
    opened: Any = importlib.import_module("llmopt.models.checkpoint").open_model
    measure: Any = importlib.import_module("llmopt.models.quality.measure")
    noisy = save_gpt(tmp_path / "noisy", initializer_range=0.5)
    weights = Causal(noisy, 0.1).model
    weights.save_pretrained(noisy)
    words = ["the", "a", "of", "to", "is", "it", "that", "you", "send", "report", "team", "before"]
    sentences = [" ".join(words[at % 12 :: step]) + f" {step} ." for at in range(12) for step in (1, 2)]
    samples = [Sample(sentence, line=at) for at, sentence in enumerate(sentences, 1)]
    base, other = (opened(path, device="cpu", new_tokens=2) for path in (folder, noisy))
    reference = measure.reference(base, samples, batch_size=5)
    found = measure.quality(reference, other)
    plain, whole, nats = Causal(folder).model, 0, 0.0
    for ids in base.encode([sample.text for sample in reference.samples]):
        tensor = torch.tensor([ids])
        whole += len(ids) - 1
        nats += (len(ids) - 1) * float(plain(input_ids=tensor, labels=tensor).loss.detach())
    assert found.tokens == whole
    assert found.perplexity_before == pytest.approx(math.exp(nats / whole), rel=1e-4)
    assert found.kl_nats > 0.001
    assert found.top1_agreement < 1
    assert measure.quality(reference, base).kl_nats == pytest.approx(0, abs=1e-6)
