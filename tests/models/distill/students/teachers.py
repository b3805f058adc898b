"""Small teachers of many kinds, made on the spot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmopt.models.device import open_device
from llmopt.models.distill.values import DistillTask, Teacher
from llmopt.models.layout import Layout
from llmopt.models.vocabulary import Vocabulary
from tests.models.extras import library, save_tokenizer

torch = library("torch", "models")
transformers = library("transformers", "models")
WORDS = 33
"""Tokens that the tokenizer of `tests.models.extras` knows."""
_SIZES: dict[str, Any] = {
    "vocab_size": WORDS,
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 24,
}
_ROBERTA = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
_TOKENS = {**_ROBERTA, "cls_token_id": 2, "sep_token_id": 3}
_SHARED: dict[str, Any] = {**_SIZES, **_ROBERTA, "num_key_value_heads": 2}
_XLM = {"vocab_size": WORDS, "emb_dim": 16, "n_layers": 4, "n_heads": 4, "pad_index": 0}
_DISTIL = {"vocab_size": WORDS, "dim": 16, "hidden_dim": 24, "n_layers": 4, "n_heads": 4, "pad_token_id": 0}
_GPT = {"vocab_size": WORDS, "n_embd": 16, "n_layer": 4, "n_head": 4, "n_positions": 32, **_ROBERTA}
_NEO = {"vocab_size": WORDS, "hidden_size": 16, "num_layers": 4, "num_heads": 4, **_ROBERTA}
_OPT = {"vocab_size": WORDS, "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 4, "ffn_dim": 24}
_DEBERTA = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}
KINDS: dict[str, tuple[DistillTask, str, str, dict[str, Any]]] = {
    "albert": ("embed", "AlbertModel", "AlbertConfig", {**_SIZES, **_ROBERTA, "embedding_size": 8}),
    "bert": ("classify", "BertForSequenceClassification", "BertConfig", {**_SIZES, "num_labels": 3}),
    "bert_fill": ("fill", "BertForMaskedLM", "BertConfig", _SIZES),
    "bert_embed": ("embed", "BertModel", "BertConfig", _SIZES),
    "deberta": ("classify", "DebertaV2ForSequenceClassification", "DebertaV2Config", {**_SIZES, **_DEBERTA}),
    "distilbert": ("classify", "DistilBertForSequenceClassification", "DistilBertConfig", _DISTIL),
    "distilbert_fill": ("fill", "DistilBertForMaskedLM", "DistilBertConfig", _DISTIL),
    "electra": ("embed", "ElectraModel", "ElectraConfig", {**_SIZES, "embedding_size": 8}),
    "gemma3": ("generate", "Gemma3ForCausalLM", "Gemma3TextConfig", {**_SHARED, "head_dim": 4, "sliding_window": 8}),
    "gpt2": ("generate", "GPT2LMHeadModel", "GPT2Config", _GPT),
    "gpt_neo": (
        *("generate", "GPTNeoForCausalLM", "GPTNeoConfig"),
        {**_NEO, "attention_types": [[["global", "local"], 2]]},
    ),
    "gpt_neox": ("generate", "GPTNeoXForCausalLM", "GPTNeoXConfig", {**_SIZES, **_ROBERTA}),
    "llama": ("generate", "LlamaForCausalLM", "LlamaConfig", _SHARED),
    "modernbert": ("fill", "ModernBertForMaskedLM", "ModernBertConfig", {**_SIZES, **_TOKENS}),
    "mpnet": ("embed", "MPNetModel", "MPNetConfig", {**_SIZES, **_ROBERTA}),
    "opt": ("generate", "OPTForCausalLM", "OPTConfig", {**_OPT, **_ROBERTA, "word_embed_proj_dim": 16}),
    "phi3": ("generate", "Phi3ForCausalLM", "Phi3Config", _SHARED),
    "qwen2": ("generate", "Qwen2ForCausalLM", "Qwen2Config", {**_SHARED, "tie_word_embeddings": True}),
    "qwen3": ("generate", "Qwen3ForCausalLM", "Qwen3Config", {**_SHARED, "head_dim": 4}),
    "roberta": ("classify", "RobertaForSequenceClassification", "RobertaConfig", {**_SIZES, **_ROBERTA}),
    "roberta_fill": ("fill", "RobertaForMaskedLM", "RobertaConfig", {**_SIZES, **_ROBERTA}),
    "xlm": ("embed", "XLMModel", "XLMConfig", _XLM),
}
"""Name -> what it is for, and its classes and settings."""


def model_of(kind: str, *, seed: int = 0, **settings: Any) -> Any:
    """Make a small model with random weights, larger than those that training begins with."""
    _, model_class, config_class, sizes = KINDS[kind]
    torch.manual_seed(seed)
    model = getattr(transformers, model_class)(getattr(transformers, config_class)(**sizes | settings))
    with torch.no_grad():
        for values in model.parameters():
            values.add_(torch.randn_like(values), alpha=0.1)
    return model.eval()


def save_model(folder: Path, kind: str, *, seed: int = 0, **settings: Any) -> Path:
    """Write a small model and its tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(folder)
    model_of(kind, seed=seed, **settings).save_pretrained(folder)
    return folder


def teacher_of(folder: Path, kind: str, *, seed: int = 0, **settings: Any) -> Teacher:
    """Make a teacher whose tokenizer is in a folder; its weights are in memory only."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(folder)
    task = KINDS[kind][0]
    model = model_of(kind, seed=seed, **settings)
    names = model.config.id2label
    return Teacher(
        name="teacher",
        folder=folder,
        home=folder,
        task=task,
        model=model,
        device=open_device("cpu"),
        vocabulary=Vocabulary(folder / "tokenizer.json", WORDS, max_tokens=24),
        layout=Layout(folder, "mean", max_tokens=512, lower=False, query_prompt="", passage_prompt=""),
        labels=tuple(names[at] for at in sorted(names)) if task == "classify" else (),
        fill=0,
        mask=4 if task == "fill" else None,
        known_tokens=WORDS,
        max_tokens=24,
    )


def write_json(path: Path, **fields: object) -> Path:
    """Write a file of fields."""
    path.write_text(json.dumps(fields), encoding="utf-8")
    return path


def answers(model: Any, tokens: int = 6) -> Any:
    """Return what a model makes of two short texts."""
    ids = (torch.arange(2 * tokens).reshape(2, tokens) * 5) % WORDS
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids))[0]


def storages(model: Any) -> set[int]:
    """Return where the numbers of a model lie in memory."""
    return {values.data_ptr() for values in (*model.parameters(), *model.buffers()) if values.numel()}
