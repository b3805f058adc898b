"""`llmopt route train` and `llmopt route eval`: every format, the weights file between them, and wrong input."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from llmopt.serving.routing.weights import load_weights
from tests.cli.conftest import Llmopt
from tests.conftest import Golden
from tests.savings.routing_logs import CHEAP, STRONG, lone_log, paired_log

FORMATS = [("table", "txt"), ("json", "json"), ("csv", "csv"), ("markdown", "md"), ("html", "html")]


@pytest.fixture
def log(workdir: Path) -> Path:
    """A log in which both models answered 400 prompts."""
    return paired_log(workdir / "log.jsonl").relative_to(workdir)


@pytest.mark.parametrize(("format", "suffix"), FORMATS)
def test_eval_in_every_format(llmopt: Llmopt, golden: Golden, log: Path, format: str, suffix: str) -> None:
    outcome = llmopt("route", "eval", log, "--quality-col", "score", "--policy", "default", "--format", format)
    assert outcome.code == 0, outcome.err
    golden(f"cli/route-eval.{suffix}", _stable(outcome.out))


@pytest.mark.parametrize(("format", "suffix"), FORMATS)
def test_train_in_every_format(llmopt: Llmopt, golden: Golden, log: Path, format: str, suffix: str) -> None:
    arguments = ("route", "train", log, "--quality-col", "score", "--weights", "weights.json", "--format", format)
    outcome = llmopt(*arguments)
    assert outcome.code == 0, outcome.err
    golden(f"cli/route-train.{suffix}", _stable(outcome.out))
    assert llmopt(*arguments).out == outcome.out  # over its own weights, and byte for byte the same


def test_what_is_trained_can_be_evaluated_and_used(llmopt: Llmopt, log: Path, workdir: Path) -> None:
    trained = llmopt("route", "train", log, "--quality-col", "score", "--weights", "w.json", "--format", "json")
    evaluated = llmopt("route", "eval", log, "--quality-col", "score", "--weights", "w.json", "--format", "json")
    one, two = json.loads(trained.out), json.loads(evaluated.out)
    assert one["schema"] == "llmopt.route.train/1"
    assert two["schema"] == "llmopt.route.eval/1"
    assert one["evaluation"]["curve"] == two["curve"]
    assert one["threshold"] == two["threshold"] == load_weights("w.json").threshold
    assert (two["cheap"], two["strong"]) == (CHEAP, STRONG)
    (workdir / "policy.toml").write_text(
        f'default = "strong"\n[routes]\ncheap = "{CHEAP}"\nstrong = "{STRONG}"\n'
        '[score]\nweights = "w.json"\nbelow = "cheap"\nabove = "strong"\n'
    )
    policy = ("route", "eval", log, "--quality-col", "score", "--weights", "w.json", "--policy", "policy.toml")
    by_policy = json.loads(llmopt(*policy, "--format", "json").out)
    assert by_policy["policy"]["chosen"]["point"]["usd"] == two["chosen"]["point"]["usd"]


def test_csv_is_the_curve(llmopt: Llmopt, log: Path) -> None:
    outcome = llmopt("route", "eval", log, "--quality-col", "score", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    ways = [row["way"] for row in rows]
    assert ways[0] == f"{CHEAP} alone"
    assert {"score", f"{STRONG} alone", "hindsight", "recommended"} == set(ways[1:])


def test_one_model_alone_says_what_it_cannot_say(llmopt: Llmopt, golden: Golden, workdir: Path) -> None:
    lone_log(workdir / "log.jsonl")
    outcome = llmopt("route", "train", "log.jsonl", "--quality-col", "score", "--pass-mark", "1")
    assert outcome.code == 0
    golden("cli/route-train-alone.txt", outcome.out)
    assert "no saving can be said" in outcome.out
    refused = llmopt("route", "eval", "log.jsonl", "--quality-col", "score")
    assert refused.code == 2
    assert "no prompt was answered by two models" in refused.err
    assert "send a sample of the prompts to both models" in refused.err


def test_strict_fails_where_the_score_is_worth_nothing(llmopt: Llmopt, workdir: Path) -> None:
    lines = []
    for number in range(200):
        for model, score in ((CHEAP, number % 2), (STRONG, 1)):
            usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
            request = {"model": model, "messages": [{"role": "user", "content": f"The same task {number:x}"}]}
            response = {"id": f"{number}{model}", "object": "chat.completion", "model": model, "usage": usage}
            lines.append(json.dumps({"model": model, "request": request, "response": response, "score": score}))
    (workdir / "log.jsonl").write_text("\n".join(lines))
    arguments = ("route", "train", "log.jsonl", "--quality-col", "score", "--as-of", "2025-08-01")
    assert llmopt(*arguments).code == 0
    outcome = llmopt(*arguments, "--strict")
    assert outcome.code == 1
    assert "not better than a random router" in outcome.err
    assert "threshold" in outcome.out
    evaluated = llmopt("route", "eval", "log.jsonl", "--quality-col", "score", "--strict", "--format", "json")
    assert evaluated.code == 1
    assert "not better than a random router" in json.loads(evaluated.out)["failed_checks"][0]
    kept = [line for line in lines if f'"model": "{STRONG}"' not in line]
    (workdir / "alone.jsonl").write_text("\n".join(kept))
    alone = llmopt("route", "train", "alone.jsonl", "--quality-col", "score", "--strict")
    assert alone.code == 1
    assert "no more than a random router" in alone.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--quality-col", "grade"), "grade"),
        (("--quality-col", "score", "--cheap", "gpt-9"), "gpt-9"),
        (("--quality-col", "score", "--cheap", "gpt-4o", "--strong", "GPT-4o"), "name two models"),
        (("--quality-col", "score", "--keep", "0%"), "--keep"),
        (("--quality-col", "score", "--keep", "0.9"), "ends in %"),
        (("--quality-col", "score", "--held-out", "90%"), "--held-out"),
        (("--quality-col", "score", "--pass-mark", "good"), "--pass-mark"),
        (("--quality-col", "score", "--seed", "x"), "--seed"),
        (("--quality-col", "score", "--weights", "none.json"), "none.json"),
        (("--quality-col", "score", "--weights", "log.jsonl"), "no weights file"),
        (("--quality-col", "score", "--unseen"), "--weights"),
        (("--quality-col", "score", "--policy", "none.toml"), "none.toml"),
        (("--quality-col", "score", "--input-format", "nope"), "nope"),
        (("--quality-col", "score", "-o", "no/such.txt"), "no/such.txt"),
    ],
)
def test_wrong_input_is_one_clear_error(llmopt: Llmopt, log: Path, arguments: tuple[str, ...], said: str) -> None:
    outcome = llmopt("route", "eval", log, *arguments)
    assert outcome.code == 2
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.out == ""


def test_train_writes_over_nothing_of_the_users(llmopt: Llmopt, log: Path, workdir: Path) -> None:
    (workdir / "notes.txt").write_text("mine")
    outcome = llmopt("route", "train", log, "--quality-col", "score", "--weights", "notes.txt")
    assert outcome.code == 2
    assert (workdir / "notes.txt").read_text() == "mine"
    assert llmopt("route", "train", log, "--quality-col", "score", "--weights", "no/w.json").code == 2


def test_a_missing_quality_column_is_asked_for(llmopt: Llmopt, log: Path) -> None:
    outcome = llmopt("route", "train", log)
    assert outcome.code == 2
    assert "--quality-col" in outcome.err


def _stable(text: str) -> str:
    from llmopt import __version__

    return text.replace(f'"llmopt": "{__version__}"', '"llmopt": "VERSION"')
