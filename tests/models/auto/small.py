"""A small encoder with layers large enough for 8 bits, and texts for it."""

from __future__ import annotations

import importlib
import random
from pathlib import Path

from tests.models.extras import WORDS, save_tokenizer


def save_encoder(folder: Path) -> Path:
    """Write a BERT of one layer with random weights and its tokenizer."""
    torch, transformers = importlib.import_module("torch"), importlib.import_module("transformers")
    folder.mkdir(parents=True, exist_ok=True)
    config = transformers.BertConfig(
        vocab_size=save_tokenizer(folder),
        hidden_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=64,
    )
    torch.manual_seed(0)
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def write_texts(path: Path, count: int = 60) -> Path:
    """Write different texts of a few words, one a line."""
    rng = random.Random(0)
    words = [word for word in WORDS.split() if word.isalpha()]
    texts = {" ".join(rng.choices(words, k=rng.randint(4, 12))) for _ in range(count)}
    path.write_text("\n".join(sorted(texts)) + "\n", encoding="utf-8")
    return path
