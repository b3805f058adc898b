"""Tiny teachers and students, made by hand, so that the proof is tested apart from what makes them."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmopt.models.quality.data import Sample
from tests.models.extras import WORDS, save_bert, save_gpt

KINDS: dict[str, tuple[Callable[..., Path], str, str]] = {
    "embed": (save_bert, "BertModel", "AutoModel"),
    "classify": (save_bert, "BertForSequenceClassification", "AutoModelForSequenceClassification"),
    "fill": (save_bert, "BertForMaskedLM", "AutoModelForMaskedLM"),
    "generate": (save_gpt, "GPT2LMHeadModel", "AutoModelForCausalLM"),
}
"""Task -> who saves such a model, its class, and what loads it."""


def loaded(folder: Path, task: str) -> Any:
    transformers = importlib.import_module("transformers")
    return getattr(transformers, KINDS[task][2]).from_pretrained(folder).eval()


def teacher_of(folder: Path, task: str, *, labels: tuple[str, ...] = ("bad", "good"), **changed: Any) -> Any:
    """Write a model and return it as a teacher."""
    values = importlib.import_module("llmopt.models.distill.values")
    layouts = importlib.import_module("llmopt.models.layout")
    save, kind, _ = KINDS[task]
    save(folder, kind)
    model = loaded(folder, task)
    if task == "classify":
        model.config.id2label = dict(enumerate(labels))
    longest = 64 if task == "generate" else 512
    settings = {
        "name": "teacher",
        "folder": folder,
        "home": folder,
        "task": task,
        "model": model,
        "device": importlib.import_module("llmopt.models.device").open_device("cpu"),
        "vocabulary": vocabulary_of(folder, model, longest),
        "layout": layouts.layout_of(folder),
        "labels": labels if task == "classify" else (),
        "fill": 0,
        "mask": 4 if task == "fill" else None,
        "known_tokens": model.config.vocab_size,
        "max_tokens": longest,
    }
    return values.Teacher(**settings | changed)


def student_of(teacher: Any, *, noise: float = 0.0, seed: int = 0, **changed: Any) -> Any:
    """Return a student with the teacher's weights and some noise."""
    torch, values = importlib.import_module("torch"), importlib.import_module("llmopt.models.distill.values")
    model = loaded(teacher.home, teacher.task)
    torch.manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            weights += noise * torch.randn_like(weights)
    settings = {
        "model": model,
        "origin": "the teacher's weights and noise",
        "home": teacher.home,
        "vocabulary": vocabulary_of(teacher.home, model, teacher.max_tokens),
        "layout": teacher.layout,
        "fill": 0,
        "max_tokens": teacher.max_tokens,
        "own_tokens": False,
        "learning_rate": 1e-3,
    }
    return values.Student(**settings | changed)


def vocabulary_of(folder: Path, model: Any, longest: int) -> Any:
    vocabulary = importlib.import_module("llmopt.models.vocabulary")
    return vocabulary.Vocabulary(folder / "tokenizer.json", model.config.vocab_size, max_tokens=longest)


def samples_of(count: int, labels: tuple[str, ...] = ()) -> list[Sample]:
    """Return different texts of a few words."""
    rng = random.Random(0)
    words = [word for word in WORDS.split() if word.isalpha()]
    texts = list(dict.fromkeys(" ".join(rng.choices(words, k=rng.randint(5, 14))) for _ in range(2 * count)))[:count]
    return [Sample(text, rng.choice(labels) if labels else None) for text in texts]
