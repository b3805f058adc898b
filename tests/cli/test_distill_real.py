"""`llmopt distill` on a real, tiny model: a whole run, one that Ctrl-C ends, and one that goes on from there."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt
from tests.conftest import ROOT
from tests.models.extras import WORDS, library, save_tokenizer

torch = library("torch", "models")
transformers = library("transformers", "models")

PLAIN = [word for word in WORDS.split() if word.isalpha()]
EPOCHS = 100


@pytest.fixture(autouse=True)
def inputs(workdir: Path) -> None:
    rng = random.Random(0)
    (workdir / "big").mkdir()
    config = transformers.BertConfig(
        vocab_size=save_tokenizer(workdir / "big"),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=16,
    )
    torch.manual_seed(0)
    transformers.BertModel(config).save_pretrained(workdir / "big")
    texts = (" ".join(rng.choices(PLAIN, k=rng.randint(4, 14))) for _ in range(200))
    (workdir / "texts.txt").write_text("\n".join(texts))


def test_a_run(llmopt: Llmopt) -> None:
    arguments = ("distill", "big", "small", "--data", "texts.txt", "--student", "layers=1", "--epochs", 2)
    outcome = llmopt(*arguments, "--format", "json", "--price-per-month", 1000, "--min-quality", "0%")
    assert (outcome.code, outcome.err) == (0, "")
    document = json.loads(outcome.out)
    assert (document["loss"], document["task"], document["destination"]) == ("embed", "embed", "small")
    assert 0 < document["training"]["epochs"] <= 2
    assert document["student"] == "layer 0 of the teacher"
    assert [document[f"{model}_size"]["layers"] for model in ("teacher", "student")] == [3, 1]
    assert document["cost"]["price_per_month"] == "1000"
    assert sum(document["data"].values()) >= 100
    assert sorted(path.name for path in Path().iterdir()) == ["big", "small", "texts.txt"]
    assert llmopt("inspect", "small").code == 0
    again = llmopt(*arguments)
    assert (again.code, again.err.splitlines()[0]) == (2, "llmopt: error: small: exists")


def test_what_the_models_do_not_allow_is_one_line(llmopt: Llmopt) -> None:
    for more in (("--student", "layers=7"), ("--loss", "kd"), ("--loss", "lm")):
        outcome = llmopt("distill", "big", "small", "--data", "texts.txt", *more)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith("llmopt: error: ")
        assert not Path("small").exists()
        assert not Path("small.partial").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_run_that_is_stopped_goes_on() -> None:
    options = ("--data", "texts.txt", "--student", "layers=1", "--epochs", str(EPOCHS), "--format", "json")
    command = [sys.executable, "-m", "llmopt", "distill", "big", "small", *options]
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings) as run:
        while run.poll() is None and not Path("small.partial/work/training").exists():
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate()
    assert (run.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "llmopt: stopped; the same command with --resume goes on"
    assert not Path("small").exists()
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, env=settings)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["training"]["resumed"] in (0, 1)  # 0: stopped before its first step
    assert Path("small/model.safetensors").exists()
    assert not Path("small.partial").exists()
