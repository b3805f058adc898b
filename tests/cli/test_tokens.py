"""`llmopt tokens`: files and requests in every format, limits, prices, and clear answers to wrong questions."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt
from tests.conftest import ROOT, Golden

FORMATS = [("table", "txt"), ("json", "json"), ("csv", "csv"), ("markdown", "md"), ("html", "html")]
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi there"}]}


@pytest.fixture
def prompts(workdir: Path) -> Path:
    """Two prompts in a folder, relative to the working directory."""
    folder = Path("prompts")
    folder.mkdir()
    (folder / "answer.md").write_text("You are a helpful assistant.\nAnswer in one sentence: {question}\n")
    (folder / "vi.txt").write_text("Bạn là trợ lý. Hãy trả lời ngắn gọn câu hỏi sau bằng tiếng Việt: {câu hỏi}\n")
    return folder


@pytest.mark.parametrize(("format", "suffix"), FORMATS)
def test_every_format(llmopt: Llmopt, golden: Golden, prompts: Path, format: str, suffix: str) -> None:
    outcome = llmopt("tokens", prompts, "--format", format)
    assert outcome.code == 0
    golden(f"cli/tokens.{suffix}", outcome.out)


@pytest.mark.parametrize(("format", "suffix"), FORMATS)
def test_what_prompts_cost_before_they_ship(
    llmopt: Llmopt, golden: Golden, prompts: Path, format: str, suffix: str
) -> None:
    arguments = ("--cost", "--model", "gpt-4o,claude-sonnet-4-5", "--per-day", "10000", "--as-of", "2026-11-01")
    outcome = llmopt("tokens", prompts, *arguments, "--format", format)
    assert outcome.code == 0
    golden(f"cli/tokens-cost.{suffix}", outcome.out)


@pytest.mark.parametrize(("format", "suffix"), FORMATS)
def test_chat_requests(
    llmopt: Llmopt, golden: Golden, monkeypatch: pytest.MonkeyPatch, format: str, suffix: str
) -> None:
    monkeypatch.chdir(ROOT)
    outcome = llmopt("tokens", "--messages", "samples/request-only.jsonl", "--format", format)
    assert outcome.code == 0
    golden(f"cli/tokens-messages.{suffix}", outcome.out)


def test_the_month_by_hand(llmopt: Llmopt, prompts: Path) -> None:
    outcome = llmopt("tokens", prompts / "answer.md", "-m", "gpt-4o", "--per-day", "10000", "--format", "json")
    (file,) = json.loads(outcome.out)["files"]
    assert file["tokens"] == 14
    by_hand = Decimal(14) * Decimal("2.50") / 1_000_000 * 10_000 * 30
    assert Decimal(file["cost"]["month"]["usd"]) == by_hand


def test_standard_input_and_a_file_for_the_result(
    llmopt: Llmopt, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hello world")))
    assert llmopt("tokens", "-", "--encoding", "cl100k_base", "-o", "out.json").code == 0
    result = json.loads(Path("out.json").read_text())
    assert result["schema"] == "llmopt.tokens/1"
    assert result["files"][0] | {"requests": 1} == result["files"][0]
    assert (result["files"][0]["path"], result["total"]["tokens"]) == ("<stdin>", 2)
    assert result["total"]["tokenizer"] == "cl100k_base"


def test_a_file_over_the_limit_fails_after_the_report(llmopt: Llmopt, prompts: Path) -> None:
    outcome = llmopt("tokens", prompts, "--max-tokens", "20")
    assert outcome.code == 1
    assert "39 tokens in 2 files" in outcome.out
    assert outcome.err == "llmopt: check failed: prompts/vi.txt: 25 tokens are over --max-tokens 20\n"
    assert llmopt("tokens", prompts, "--max-tokens", "25").code == 0


def test_the_limit_holds_for_every_model(llmopt: Llmopt, prompts: Path) -> None:
    outcome = llmopt("tokens", prompts, "--max-tokens", "30", "--model", "gpt-4o,gpt-4", "--format", "json")
    assert outcome.code == 1
    failed = json.loads(outcome.out)["failed_checks"]
    assert failed == ["prompts/vi.txt: 45 tokens for gpt-4 are over --max-tokens 30"]


def test_a_count_that_may_be_over_says_so(llmopt: Llmopt, prompts: Path) -> None:
    asked = ("tokens", prompts / "vi.txt", "-m", "claude-2.1")
    file = json.loads(llmopt(*asked, "--format", "json").out)["files"][0]
    assert file["tokens"] < file["high"]
    outcome = llmopt(*asked, "--max-tokens", file["tokens"])
    assert outcome.code == 0
    assert "may be over --max-tokens" in outcome.err


def test_verbose_tells_what_the_memo_saved(llmopt: Llmopt, workdir: Path) -> None:
    Path("log.jsonl").write_text("\n".join(json.dumps(CHAT) for _ in range(100)))
    outcome = llmopt("tokens", "--messages", "log.jsonl", "-v")
    assert outcome.code == 0
    assert "were counted before" in outcome.err
    assert "memo" not in llmopt("tokens", "--messages", "log.jsonl").err


def test_pictures_in_a_folder_are_skipped_and_the_rest_counts(llmopt: Llmopt, prompts: Path) -> None:
    for number in range(30):
        (prompts / f"{number:02}.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    outcome = llmopt("tokens", prompts)
    assert outcome.code == 0
    assert "39 tokens in 2 files" in outcome.out
    lines = outcome.err.splitlines()
    assert lines[0] == "llmopt: skipped: prompts/00.png: not text: it holds NUL bytes"
    assert lines[-1] == "llmopt: skipped: 10 more; --format json lists all"
    assert len(lines) == 21
    assert llmopt("tokens", prompts, "-q").err == ""
    assert len(json.loads(llmopt("tokens", prompts, "--format", "json").out)["skipped"]) == 30


def test_what_is_named_and_cannot_be_counted_is_an_error_after_the_report(llmopt: Llmopt, prompts: Path) -> None:
    outcome = llmopt("tokens", prompts, "none.txt", "--model", "gpt-4o,house-model")
    assert outcome.code == 2
    assert "39 tokens in 2 files, by o200k_base" in outcome.out
    assert "no tokenizer is known for the model 'house-model'" in outcome.err
    assert "none.txt: no such file or directory" in outcome.err
    assert "2 of what was named could not be counted or priced" in outcome.err


def test_a_model_without_a_price_is_counted_all_the_same(llmopt: Llmopt, prompts: Path) -> None:
    outcome = llmopt("tokens", prompts, "--cost", "--model", "gpt-4o,gpt-4o-houseblend", "--format", "json")
    assert outcome.code == 2
    files = json.loads(outcome.out)["files"]
    assert [("cost" in file, file["tokens"]) for file in files] == [(True, 14), (False, 14), (True, 25), (False, 25)]
    assert "no model is known as 'gpt-4o-houseblend'" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nothing",), "nothing: no such file or directory"),
        (("nothing",), "nothing was counted"),
        (("prompts", "--model", "house-model"), "no tokenizer is known for the model 'house-model'"),
        (("prompts", "--model", ","), "--model names no model"),
        (("prompts", "--model", "gpt-4o", "--encoding", "o200k_base"), "exclude each other"),
        (("prompts", "--encoding", "o300k"), "unknown encoding o300k"),
        (("prompts", "--encoding", "p50k_base"), "p50k_base is not on this machine"),
        (("prompts", "--tokenizer", "prompts/vi.txt"), "prompts/vi.txt"),
        (("prompts", "--cost"), "--cost needs to know the model"),
        (("prompts", "--max-tokens", "many"), "--max-tokens 'many'"),
        (("prompts", "--per-day", "-1", "--model", "gpt-4o"), "--per-day"),
        (("prompts", "--messages"), "not JSON"),
        (("prompts", "--cost", "--model", "gpt-4o", "--tier", "btach"), "--tier 'btach'"),
        (("prompts", "--model", "gpt-4o", "--tier", "batch"), "are about dollars"),
        (("prompts", "--model", "one,two"), "for the model 'two'"),
        (("prompts", "--per-day", "0", "--model", "gpt-4o"), "--per-day '0'"),
        ((), "PATH"),
    ],
)
def test_wrong_questions(
    llmopt: Llmopt, prompts: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], complaint: str
) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(prompts))
    outcome = llmopt("tokens", *arguments)
    assert outcome.code == 2
    assert complaint in outcome.err
    assert "Traceback" not in outcome.err
    assert "bug" not in outcome.err


def test_bad_lines_of_requests_are_named_and_good_ones_count(llmopt: Llmopt, workdir: Path) -> None:
    Path("log.jsonl").write_text(f'{json.dumps(CHAT)}\n{{"messages": "no list"}}\nnot JSON\n')
    outcome = llmopt("tokens", "--messages", "log.jsonl")
    assert outcome.code == 2
    assert "in 1 file, by o200k_base" in outcome.out
    assert "log.jsonl:2: not a chat request" in outcome.err
    assert "log.jsonl:3: " in outcome.err


def test_a_whole_run_opens_no_socket(prompts: Path) -> None:
    """In a process of its own, where even the interpreter's own socket module refuses."""
    code = (
        "def refuse(*a, **k): raise SystemExit('a socket was opened')\n"
        "import socket; socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse\n"
        "from llmopt.cli.main import main\n"
        "main(['tokens', 'prompts', '--model', 'gpt-4o,gpt-4,gemini-2.5-pro', '--cost'])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert "Totals" in found.stdout


def test_a_flag_goes_before_a_setting(llmopt: Llmopt, prompts: Path) -> None:
    Path("llmopt.toml").write_text('[tokens]\nmodel = "gpt-4"\n')
    assert "by cl100k_base" in llmopt("tokens", prompts).out
    assert "by o200k_base" in llmopt("tokens", prompts, "--encoding", "o200k_base").out


def test_many_files_over_the_limit_are_named_up_to_twenty(llmopt: Llmopt, prompts: Path) -> None:
    for number in range(30):
        (prompts / f"{number:02}.txt").write_text("hello world")
    outcome = llmopt("tokens", prompts, "--max-tokens", "1")
    assert outcome.code == 1
    assert len(outcome.err.splitlines()) == 21
    assert "and 12 more" in outcome.err


def test_a_prompt_beyond_a_threshold_names_the_rate_it_pays(llmopt: Llmopt, workdir: Path) -> None:
    Path("long.txt").write_text("hello " * 230_000)
    outcome = llmopt("tokens", "long.txt", "--model", "claude-sonnet-4-5", "--cost")
    assert "$6 above 200,000, which 1 of 1 requests are." in outcome.out
