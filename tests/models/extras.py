"""Optional packages that tests of models need, and small models made on the spot."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

WORDS = "the a of to is it that you send report team before it reads doesn ##'t ' t and , . ? ! 3 not blue green form"


def library(name: str, extra: str) -> Any:
    """Import an optional package; CI has it."""
    if "CI" in os.environ:
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"the extra `{extra}` is not installed")


def vocabulary(words: str = WORDS) -> dict[str, int]:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return {word: at for at, word in enumerate(dict.fromkeys([*special, *words.split()]))}


def save_tokenizer(folder: Path, words: str = WORDS) -> int:
    """Write a BERT tokenizer of whole words; return how many it knows."""
    tokenizers = importlib.import_module("tokenizers")
    known = vocabulary(words)
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(known, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.decoder = tokenizers.decoders.WordPiece()
    made.post_processor = tokenizers.processors.BertProcessing(("[SEP]", known["[SEP]"]), ("[CLS]", known["[CLS]"]))
    made.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "model_max_length": 512}
    special = {f"{name.lower()}_token": f"[{name}]" for name in ("PAD", "UNK", "CLS", "SEP", "MASK")}
    (folder / "tokenizer_config.json").write_text(json.dumps(config | special), encoding="utf-8")
    return len(known)


def save_bert(folder: Path, kind: str = "BertModel", *, words: str = WORDS, seed: int = 0) -> Path:
    """Write a tiny BERT with random weights and its tokenizer."""
    torch, transformers = importlib.import_module("torch"), importlib.import_module("transformers")
    folder.mkdir(parents=True, exist_ok=True)
    size = save_tokenizer(folder, words)
    config = transformers.BertConfig(
        vocab_size=size, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, num_labels=2
    )
    torch.manual_seed(seed)
    model = getattr(transformers, kind)(config)
    model.save_pretrained(folder)
    return folder


def save_gpt(folder: Path, kind: str = "GPT2LMHeadModel", *, positions: int = 64, **settings: Any) -> Path:
    """Write a tiny GPT-2 with random weights, without a padding token as the real one, and its tokenizer."""
    torch, transformers = importlib.import_module("torch"), importlib.import_module("transformers")
    folder.mkdir(parents=True, exist_ok=True)
    size = save_tokenizer(folder)
    config = transformers.GPT2Config(
        vocab_size=size,
        n_positions=positions,
        n_embd=8,
        n_layer=2,
        n_head=2,
        bos_token_id=2,
        eos_token_id=3,
        **settings,
    )
    torch.manual_seed(0)
    model = getattr(transformers, kind)(config)
    model.save_pretrained(folder)
    return folder


def change(path: Path, **fields: object) -> None:
    """Set fields of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")
