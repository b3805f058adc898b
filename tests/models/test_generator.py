"""Generation gives every request its own continuation, so many tokens of it, and says when the first one was there."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from tests.models.extras import change, library, save_gpt, save_tokenizer

torch = library("torch", "semantic")
transformers = library("transformers", "semantic")
open_model: Any = importlib.import_module("llmopt.models.checkpoint").open_model

TEXTS = ("send the report to the team", "it", "the form is blue and green , not a report !")


def greedy(folder: Path, request: list[int], tokens: int) -> list[int]:
    """Return what a causal model goes on with, one token at a time, without a cache."""
    plain = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()
    ids = list(request)
    for _ in range(tokens):
        with torch.no_grad():
            scores = plain(torch.tensor([ids])).logits[0, -1]
        scores[3] = -torch.inf  # the end of a text never comes before the last token
        ids.append(int(scores.argmax()))
    return ids[len(request) :]


def test_a_language_model_generates_so_many_tokens_for_each(tmp_path: Path) -> None:
    folder = save_gpt(tmp_path)
    model = open_model(folder, device="cpu", new_tokens=7)
    assert (model.facts.task, model.facts.new_tokens, model.facts.max_tokens) == ("generate", 7, 57)
    requests = model.encode(TEXTS)
    assert len({len(request) for request in requests}) == len(TEXTS)
    found = model.predict(requests)
    assert found == [greedy(folder, request, 7) for request in requests]
    assert isinstance(model.decode(found[0]), str)
    assert [len(new) for new in model.predict([model.predictor.item(57)] * 2)] == [7, 7]


def test_the_settings_of_a_checkpoint_change_nothing_of_the_work(tmp_path: Path) -> None:
    folder = save_gpt(tmp_path)
    requests = [open_model(folder, new_tokens=9).predictor.item(5)]
    plain = open_model(folder, new_tokens=9, device="cpu").predict(requests)
    change(
        folder / "generation_config.json",
        do_sample=True,
        temperature=0.1,
        repetition_penalty=3.0,
        num_beams=4,
        max_length=3,
    )
    assert open_model(folder, new_tokens=9, device="cpu").predict(requests) == plain


def test_prefill_and_decode_are_timed_apart(tmp_path: Path) -> None:
    model = open_model(save_gpt(tmp_path), device="cpu", new_tokens=20)
    for _ in range(2):
        model.clock.start()
        model.predict([model.predictor.item(4)])
        model.clock.synchronize()
        reading = model.clock.read()
        assert reading.prefill_s > 0
        assert reading.decode_s > reading.prefill_s
    model.clock.start()
    model.clock.synchronize()
    assert model.clock.read().prefill_s is None


def save_llama(folder: Path) -> Path:
    """Write a tiny Llama with weights large enough that its scores differ clearly; it likes to end a text."""
    size = save_tokenizer(folder)
    config = transformers.LlamaConfig(
        vocab_size=size,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        eos_token_id=3,
    )
    torch.manual_seed(1)
    model = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.normal_(0, 0.35)
        model.lm_head.weight.normal_(0, 2.0)
        model.lm_head.weight[3] *= 4
    model.save_pretrained(folder)
    return folder


def test_a_request_goes_on_alone_as_in_a_batch_of_others(tmp_path: Path) -> None:
    """Padding on the left changes neither positions nor attention, and nobody stops at the end of a text."""
    folder = save_llama(tmp_path)
    model = open_model(folder, device="cpu", new_tokens=12)
    requests = [model.predictor.item(tokens) for tokens in (3, 19, 1, 10, 40)]
    found = model.predict(requests)
    assert found == [model.predict([request])[0] for request in requests]
    assert found == [greedy(folder, request, 12) for request in requests]
    assert len({tuple(new) for new in found}) == len(requests)
