"""Whole distillations of tiny models: each kind of teacher, through the library and into a folder."""

from __future__ import annotations

import importlib
import json
import random
import signal
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, UsageError
from tests.conftest import ROOT
from tests.models.extras import WORDS, library, save_tokenizer

torch = library("torch", "models")
transformers = library("transformers", "models")

from llmopt.models import open_model  # noqa: E402
from llmopt.models.distill import DistillConfig, Distiller, distill  # noqa: E402
from llmopt.models.distill.identity import made_of  # noqa: E402
from llmopt.models.distill.objectives.vectors import Vectors, VectorWeights  # noqa: E402
from llmopt.models.distill.opening import open_teacher  # noqa: E402
from llmopt.models.distill.values import Item  # noqa: E402
from llmopt.models.quality.data import Sample  # noqa: E402

PLAIN = [word for word in WORDS.split() if word.isalpha()]
BERTS = {
    "embed": "BertModel",
    "kd": "BertForSequenceClassification",
    "fill": "BertForMaskedLM",
}
QUICK = DistillConfig(student="layers=1", epochs=2, batch_size=16, device="cpu")


def texts(count: int = 160, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(PLAIN, k=rng.randint(5, 14))) for _ in range(count)]


def teacher(folder: Path, kind: str = "embed") -> Path:
    """Write a model of three layers with random weights that are far enough apart to tell texts apart."""
    folder.mkdir(parents=True)
    known = save_tokenizer(folder)
    torch.manual_seed(0)
    if kind == "lm":
        config = transformers.GPT2Config(
            vocab_size=known, n_positions=64, n_embd=16, n_layer=3, n_head=2, bos_token_id=2, eos_token_id=3
        )
        model = transformers.GPT2LMHeadModel(config)
    else:
        sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
        config = transformers.BertConfig(vocab_size=known, **sizes, initializer_range=0.2, id2label={0: "no", 1: "yes"})
        model = getattr(transformers, BERTS[kind])(config)
    model.save_pretrained(folder)
    return folder


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_an_encoder_becomes_a_folder_that_opens(tmp_path: Path) -> None:
    told: list[str] = []
    config = replace(QUICK, price_per_month=Decimal(1000), min_quality=0.0)
    big = teacher(tmp_path / "big")
    report = distill(big, tmp_path / "small", texts(), config, progress=lambda *step: told.append(step[2]))
    assert (report.loss, report.task, report.destination) == ("embed", "embed", str(tmp_path / "small"))
    assert report.student == "layer 0 of the teacher"
    assert (report.teacher_size.layers, report.student_size.layers) == (3, 1)
    assert report.student_size.parameters < report.teacher_size.parameters
    use = report.data
    assert use.train + use.validation + use.held_out + use.near_duplicates + use.repeated == 160
    assert report.quality.inputs == use.held_out
    assert report.untrained is not None
    assert report.quality.cosine is not None
    assert report.quality.cosine > (report.untrained.cosine or 0)
    assert report.cost is not None
    assert report.cost.price_per_month == 1000
    assert report.failures == ()
    assert {"reading texts", "comparing teacher and student"} <= set(told)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big", "small"]
    model = open_model(tmp_path / "small", device="cpu")
    (vector,) = model.predict(model.encode(["the team reads it"]))
    assert len(vector) == 16
    assert str(tmp_path / "small") in report.load_line


def test_the_same_run_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    big = teacher(tmp_path / "big")
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        distill(big, tmp_path / name, texts(), replace(QUICK, seed=seed))
    assert weights(tmp_path / "one") == weights(tmp_path / "two") != weights(tmp_path / "three")


def stopped_and_resumed(folder: Path) -> None:
    """Check that a stopped run goes on as if nothing had been; in a process of its own, which gets a signal."""
    big = teacher(folder / "big")
    distill(big, folder / "whole", texts(), QUICK)
    steps = 0

    def stop(done: int, total: int, text: str) -> None:
        nonlocal steps
        steps += text.startswith("epoch")
        if steps == 7:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        distill(big, folder / "broken", texts(), QUICK, progress=stop)
    assert not (folder / "broken").exists()
    again = replace(QUICK, resume=True)
    with pytest.raises(UsageError, match=r"--lr is 0.5, and was left out in the run that was stopped"):
        distill(big, folder / "broken", texts(), replace(again, lr=0.5))
    with pytest.raises(UsageError, match="texts differ"):
        distill(big, folder / "broken", texts(seed=1), again)
    report = distill(big, folder / "broken", texts(), again)
    assert report.training.resumed == 1
    assert weights(folder / "broken") == weights(folder / "whole")
    assert not (folder / "broken.partial").exists()


def test_a_run_that_was_stopped_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.models.distill.test_distiller import stopped_and_resumed; "
        "stopped_and_resumed(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_settings_that_an_encoder_has_no_use_for_are_told(tmp_path: Path) -> None:
    big, said = teacher(tmp_path / "big"), "--temperature and --soft-weight change nothing here"
    for config, warned in (
        (QUICK, False),
        (replace(QUICK, temperature=4.0), True),
        (replace(QUICK, soft_weight=0.5), True),
    ):
        report = Distiller(big, "layers=1", config=replace(config, epochs=1)).fit(texts())
        assert any(warning.startswith(said) for warning in report.warnings) == warned


def test_other_texts_do_not_take_up_what_was_stopped(tmp_path: Path) -> None:
    big, work = teacher(tmp_path / "big"), tmp_path / "work"
    work.mkdir()
    Distiller(big, "layers=1", config=QUICK).fit(texts(), folder=work)
    with pytest.raises(UsageError, match="texts differ"):
        Distiller(big, "layers=1", config=replace(QUICK, resume=True)).fit(texts(seed=1), folder=work)


def test_a_classifier_learns_from_labels_and_from_texts_without(tmp_path: Path) -> None:
    labelled = [Sample(text, ("no", "yes")["team" in text]) for text in texts()]
    mixed = [replace(sample, label=sample.label if at % 3 else None) for at, sample in enumerate(labelled)]
    report = Distiller(teacher(tmp_path / "big", "kd"), "layers=1", "kd", config=QUICK).fit(mixed, labelled[:40])
    assert (report.task, report.kept.metric, report.quality.inputs) == ("classify", "accuracy", 40)
    assert 0 < report.data.labelled < report.data.train
    assert report.quality.accuracy_before is not None


@pytest.mark.parametrize("kind", ["lm", "fill"])
def test_language_models(tmp_path: Path, kind: str) -> None:
    big = teacher(tmp_path / "big", kind)
    report = distill(big, tmp_path / "small", texts(), replace(QUICK, loss="lm"))
    assert report.task == {"lm": "generate", "fill": "fill"}[kind]
    assert report.kept.metric == "perplexity"
    assert report.quality.perplexity_after is not None
    module = {"lm": "llmopt.models", "fill": "transformers"}[kind]
    assert report.load_line.startswith(f"import {module}; ")
    config = json.loads((tmp_path / "small" / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == [{"lm": "GPT2LMHeadModel", "fill": "BertForMaskedLM"}[kind]]


def test_gates_that_do_not_hold_are_told_and_the_student_is_there(tmp_path: Path) -> None:
    config = replace(QUICK, min_quality=1.0, min_speedup=1000.0)
    report = distill(teacher(tmp_path / "big"), tmp_path / "small", texts(), config)
    assert len(report.failures) == 2
    assert (tmp_path / "small" / "config.json").is_file()


def test_a_time_limit_ends_the_training(tmp_path: Path) -> None:
    config = replace(QUICK, epochs=None, max_time_s=5.0)
    report = Distiller(teacher(tmp_path / "big"), "layers=1", config=config).fit(texts())
    assert report.training.ended in ("max time", "no gain")
    assert report.training.teacher_s + report.training.training_s < 60


def test_an_objective_of_the_users_own(tmp_path: Path) -> None:
    def relations(big: Any, small: Any, config: DistillConfig, *, tokens: int) -> Vectors:
        return Vectors(big, small, tokens=tokens, weights=VectorWeights(relations=1.0, heads=2))

    distiller = Distiller(teacher(tmp_path / "big"), "layers=1", config=QUICK, objective=relations)
    report = distiller.fit(texts())
    assert report.training.steps > 0
    (tmp_path / "out").mkdir()
    assert distiller.save(tmp_path / "out") == tmp_path / "out"
    assert open_model(tmp_path / "out", device="cpu").facts.task == "embed"
    assert distiller.models[1].model.config.num_hidden_layers == 1


def test_a_training_that_gains_nothing_says_so(tmp_path: Path) -> None:
    # so few steps at such a rate change nothing that shows
    config = replace(QUICK, student="layers=3", epochs=1)
    report = Distiller(teacher(tmp_path / "big"), "layers=3", config=config).fit(texts())
    assert report.training.best_step == 0
    assert any("gained nothing" in said for said in report.warnings)


def test_before_fit_there_is_no_student(tmp_path: Path) -> None:
    distiller = Distiller(tmp_path)
    for asked in (lambda: distiller.save(tmp_path), lambda: distiller.models):
        with pytest.raises(UsageError, match="there is no student yet"):
            asked()


@pytest.mark.parametrize("given", [[], ["the team reads it"] * 100, texts(20)])
def test_too_few_texts(tmp_path: Path, given: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        distill(teacher(tmp_path / "big"), tmp_path / "small", given, QUICK)
    assert raised.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big"]


def test_a_destination_that_is_taken(tmp_path: Path) -> None:
    big = teacher(tmp_path / "big")
    with pytest.raises(UsageError):
        distill(big, big, texts(), QUICK)


def test_what_a_run_is_made_of(tmp_path: Path) -> None:
    big = open_teacher(teacher(tmp_path / "big"), None, "cpu")
    items = (Item([1, 2], [1, 2]), Item([3], [3], label=0))
    first = made_of(QUICK, big, items)
    assert first == made_of(replace(QUICK, resume=True, min_quality=0.5), big, items)
    assert first.training != made_of(replace(QUICK, lr=0.1), big, items).training
    assert first.answers == made_of(replace(QUICK, lr=0.1), big, items).answers
    for other in ((items[1], items[0]), (items[0], Item([3], [3])), (Item([1, 2, 3], [1, 2, 3]),)):
        assert first.answers != made_of(QUICK, big, other).answers


def test_names_load_when_they_are_asked_for() -> None:
    module = importlib.import_module("llmopt.models.distill")
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        assert getattr(module, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = module.nothing
