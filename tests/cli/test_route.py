"""`llmopt route explain`: every format, requests of every kind, and clear answers to wrong ones."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt
from tests.conftest import Golden
from tests.serving.routing.policies import SMALL

QUESTION = ("route", "explain", "What is a monad?")


@pytest.mark.parametrize(
    ("format", "suffix"), [("table", "txt"), ("json", "json"), ("csv", "csv"), ("markdown", "md"), ("html", "html")]
)
def test_every_format(llmopt: Llmopt, golden: Golden, format: str, suffix: str) -> None:
    outcome = llmopt(*QUESTION, "--format", format)
    assert (outcome.code, outcome.err) == (0, "")
    golden(f"cli/route-explain.{suffix}", outcome.out)


def test_a_word_within_a_word_is_no_simple_question(llmopt: Llmopt) -> None:
    outcome = llmopt("route", "explain", "x is undefined", "--format", "json")
    answer = json.loads(outcome.out)
    assert answer["schema"] == "llmopt.route.explain/1"
    assert (answer["decision"]["route"], answer["decision"]["rule"]) == ("strong", "default")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def test_a_policy_of_ones_own(llmopt: Llmopt, policy: Path) -> None:
    outcome = llmopt(*QUESTION, "--policy", policy, "--header", "X-Tier=gold", "--tenant", "acme", "--tag", "night")
    assert "strong (big-model): rule 'gold': header x-tier: gold" in outcome.out
    assert "would decide" in outcome.out
    assert "When strong fails: cheap (small-model)." in outcome.out
    assert "Cascade: cheap (small-model), then strong (big-model)." in outcome.out
    assert f"Policy: {policy}" in outcome.out
    assert "gold" in llmopt(*QUESTION, "--policy", policy, "--header", "x-tier: gold").out


def test_a_whole_request(llmopt: Llmopt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"messages": [{"role": "user", "content": "What is it?"}], "tools": [{"type": "function"}]}
    path = tmp_path / "body.json"
    path.write_text(json.dumps(body), encoding="utf-8")
    assert "strong (gpt-4o): rule 'tools': tools" in llmopt("route", "explain", "--request", path).out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert "rule 'tools'" in llmopt("route", "explain", "--request", "-").out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Define it")))
    assert "cheap (gpt-4o-mini)" in llmopt("route", "explain", "-").out


def test_hostile_text_stays_out_of_the_answer(llmopt: Llmopt) -> None:
    outcome = llmopt("route", "explain", "\x1b[31mWhat is\r\nx-evil: 1")
    assert outcome.code == 0
    assert "\x1b" not in outcome.out
    assert "evil" not in outcome.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either a TEXT or --request FILE"),
        (("a", "--request", "b"), "exclude each other"),
        ((" ",), "the TEXT is empty"),
        (("a", "--header", "x"), "not NAME=VALUE"),
        (("a", "--policy", "none.toml"), "none.toml: No such file"),
        (("--request", "none.json"), "none.json: No such file"),
        (("--request", "list.json"), "list.json: no JSON object"),
        (("--request", "bad.json"), "bad.json: no JSON"),
        (("--request", "latin.json"), "latin.json: not valid UTF-8"),
        (("--request", "."), "Is a directory"),
        (("a", "--policy", "wrong.toml"), "wrong.toml:5: unknown key 'wrods' in [[rule]]"),
        (("a", "--format", "xml"), "xml"),
    ],
)
def test_wrong_questions(llmopt: Llmopt, workdir: Path, arguments: tuple[str, ...], said: str) -> None:
    Path("list.json").write_text("[]", encoding="utf-8")
    Path("bad.json").write_text("{", encoding="utf-8")
    Path("latin.json").write_bytes(b'"\xe9"')
    Path("wrong.toml").write_text('default = "a"\n[routes]\na = "m"\n[[rule]]\nwrods = "x"\n', encoding="utf-8")
    outcome = llmopt("route", "explain", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert "Traceback" not in outcome.err
