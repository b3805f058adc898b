"""The compression benchmark: its probes and judges, a peer that fails, and a run at a tiny size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import compress_peers, compress_run
from benchmarks.compress_data import PROBES, large_json
from benchmarks.compress_peers import PEERS, Peer, answered
from llmopt.prompts.evaluation.passages import Drawn, Question
from tests.conftest import ROOT

ROW = {
    "title": "t",
    "context": "The tower is 70 metres high. It is red.",
    "qas": [{"question": "How high is the tower?", "answers": ["70 metres"]}],
}
TINY = ["--peers", "--prompts", "14", "--each", "2", "--json-size", "2000", "--rounds", "1", "--peer-questions", "1"]


def test_probes_hold_what_must_survive() -> None:
    assert len(PROBES) >= 14
    assert sum(len(probe.must) for probe in PROBES) >= 71
    assert len({probe.name for probe in PROBES}) == len(PROBES)
    for probe in PROBES:
        assert all(must in probe.text for must in probe.must), probe.name
    same = compress_run.probed([probe.text for probe in PROBES])
    assert same["intact"] == same["probes"] == len(PROBES)
    assert same["saved_percent"] == 0
    lost = compress_run.probed([probe.text.replace("{", "(") for probe in PROBES])
    assert lost["intact"] < len(PROBES)
    assert "f-string placeholders" in lost["lost"]


def test_a_failure_saves_nothing_and_a_loss_is_counted() -> None:
    kind = compress_run.Kind("logs", ["10:00:00 ERROR disk 7 full\n10:00:01 INFO ok"], "safe")
    assert compress_run.judged(kind, [None]) | {"error_lines": 0} == {
        "saved_percent": 0,
        "texts": 1,
        "lossy": 0,
        "failed": 1,
        "error_lines": 0,
        "error_lines_lost": 0,
    }
    judged = compress_run.judged(kind, ["10:00:01 INFO ok"])
    assert judged["lossy"] == judged["error_lines_lost"] == 1
    assert judged["saved_percent"] > 40


def test_the_review_prompt_is_judged_by_its_contract() -> None:
    text = "Say the sentiment (positive, negative, neutral) of {review} in a structured format with headings."
    assert compress_run.reviewed(text, text)["lost"] == []
    assert compress_run.reviewed(text, "Sentiment of {review}")["lost"] == [
        "positive",
        "negative",
        "neutral",
        "structured",
        "heading",
    ]


def test_a_choice_of_the_beginning_or_by_rank_keeps_the_budget() -> None:
    context = "one two three\n\nfour five six\n\nseven eight nine"
    assert compress_run.by_lead("", context, 3) == "one two three"
    ranks = {("q", context): {"paragraphs": [context.split("\n\n"), [0.0, 2.0, 1.0]]}}
    assert compress_run.by_rank(ranks, "paragraphs")("q", context, 7) == "four five six\n\nseven eight nine"
    assert compress_run.by_rank(ranks, "paragraphs")("q", context, 4) == "four five six"
    asked = [Drawn(Question("q", ("five",)), "four five six", context)]
    found = compress_run.queried(asked, lambda *_: "four five six seven eight nine ten")
    assert found["50%"]["kept_percent"] == 100
    assert found["10%"]["over_budget"] == 1


def test_large_json_is_of_every_shape_and_large() -> None:
    texts = large_json(3_000)
    assert len(texts) == 6
    assert all(json.loads(text) for text in texts)
    assert all(3_000 < len(text) < 60_000 for text in texts)


def test_a_peer_runs_in_its_own_python_and_one_that_fails_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compress_peers, "installed", lambda peer, venvs: Path(sys.executable))
    peer = Peer("upper", "upper", "1", "import string", "text.upper() if text else 1 / 0", "context[:tokens]")
    found = answered(peer, tmp_path, ["a", ""], [("q", "abc", 2)])
    assert found is not None
    assert found.texts == ["A", None]
    assert found.queries == ["ab"]
    assert len(found.ms) == 1
    broken = Peer("broken", "broken", "1", "import no_such_module_at_all", "text")
    assert answered(broken, tmp_path, ["a"]) is None


def test_peers_are_pinned() -> None:
    assert len({peer.package for peer in PEERS}) >= 2
    assert all(peer.version[0].isdigit() for peer in PEERS)


def test_a_tiny_run_prints_a_table_and_one_line_of_json(tmp_path: Path) -> None:
    data, review = tmp_path / "data.jsonl", tmp_path / "review.txt"
    data.write_text("\n".join([json.dumps(ROW)] * 3), encoding="utf-8")
    review.write_text("Please give the sentiment of {review}.", encoding="utf-8")
    command = [sys.executable, "benchmarks/compress.py", *TINY, "--venvs", str(tmp_path / "venvs")]
    command += ["--data", str(data), "--review", str(review), "--real", str(review)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    lines = done.stdout.splitlines()
    assert any(line.startswith("nothing lost") for line in lines)
    found = json.loads(lines[-1])
    assert found["benchmark"] == "compress"
    assert found["goals"]["nothing lost"][0] == 0
    assert found["contenders"]["llmopt"]["probes"]["aggressive"]["intact"] == len(PROBES)
    assert found["query"]["data.jsonl"]["questions"] == 3
    assert found["safety"]["prompts"] == 14
