"""`count_tokens` and `tokenizer_for`: one door to every tokenizer."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llmopt
from llmopt.errors import ConfigError, InputError, UsageError
from llmopt.tokens import api
from llmopt.tokens.api import count_tokens, tokenizer_for
from llmopt.tokens.estimate import reconstruct
from llmopt.tokens.estimate.tokenizers import EstimatedTokenizer, ReconstructedTokenizer
from llmopt.tokens.exact.tokenizer import ExactTokenizer
from llmopt.tokens.result import TokenCount, total

TEXT = "Where is my parcel? I ordered it on 3 March, and it has not come. "


def forget() -> None:
    """Look for the ctok package anew."""
    for cached in (api._reconstructed, reconstruct._module, reconstruct.frame):
        cached.cache_clear()


@pytest.fixture
def no_ctok(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have no ctok package, whatever is installed."""
    monkeypatch.setitem(sys.modules, "ctok", None)
    forget()
    yield
    forget()


@pytest.fixture
def ctok(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a ctok package that counts words, with the frames of the real one."""
    frames = {"3": 7, "4.7": 11}
    stand_in = types.ModuleType("ctok")

    def token_count(text: str, version: str = "3.0") -> int:
        return len(text.split()) + frames["4.7" if version.startswith("4.7") else "3"]

    stand_in.token_count = token_count  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ctok", stand_in)
    forget()
    yield
    forget()


def test_the_published_names() -> None:
    assert llmopt.count_tokens is count_tokens
    assert llmopt.TokenCount is TokenCount


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, TokenCount.exact(2, "o200k_base")),
        ({"encoding": "cl100k_base"}, TokenCount.exact(2, "cl100k_base")),
        ({"model": "gpt-4o"}, TokenCount.exact(2, "o200k_base")),
        ({"model": "azure/gpt-4"}, TokenCount.exact(2, "cl100k_base")),
    ],
)
def test_exact_counts(arguments: dict[str, str], expected: TokenCount) -> None:
    assert count_tokens("hello world", **arguments) == expected


@pytest.mark.usefixtures("no_ctok")
@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-4-7", "gemini-2.5-pro", "grok-4", "deepseek-chat"])
def test_estimates_have_an_interval(model: str) -> None:
    count = count_tokens(TEXT * 10, model=model)
    assert count.method == "estimated"
    assert count.low < count.tokens < count.high
    assert count_tokens(TEXT * 10, model=model) == count


@pytest.mark.usefixtures("no_ctok")
def test_a_list_is_estimated_as_its_texts_are() -> None:
    tokenizer = tokenizer_for("claude-sonnet-4-5")
    assert isinstance(tokenizer, EstimatedTokenizer)
    texts = [TEXT, "x", TEXT, ""]
    assert tokenizer.count_many(texts) == [count_tokens(text, model="claude-sonnet-4-5") for text in texts]


@pytest.mark.usefixtures("ctok")
def test_claude_is_reconstructed_where_ctok_is_installed() -> None:
    tokenizer = tokenizer_for("claude-sonnet-4-5")
    assert isinstance(tokenizer, ReconstructedTokenizer)
    count = tokenizer.count(TEXT)
    words = len(TEXT.split())
    assert (count.tokens, count.method, count.tokenizer) == (words, "reconstructed", "ctok 4.5")
    assert count.low <= count.tokens <= count.high
    assert tokenizer.count_many([TEXT, ""]) == [count, TokenCount(0, 0, 0, "reconstructed", "ctok 4.5")]


@pytest.mark.usefixtures("ctok")
@pytest.mark.parametrize("model", ["claude-2.1", "claude", "claude-sonnet-9", "gemini-2.5-pro"])
def test_what_ctok_does_not_know_is_estimated(model: str) -> None:
    assert isinstance(tokenizer_for(model), EstimatedTokenizer)


@pytest.mark.usefixtures("ctok")
def test_logs_are_estimated_even_so() -> None:
    assert isinstance(tokenizer_for("claude-sonnet-4-5", reconstruct=False), EstimatedTokenizer)


def test_one_tokenizer_for_the_process() -> None:
    assert tokenizer_for("gpt-4o") is tokenizer_for(encoding="o200k_base")
    downloading = tokenizer_for("gpt-4o", allow_download=True)
    assert isinstance(downloading, ExactTokenizer)
    assert downloading.count("hello world").tokens == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"model": "gpt-4o", "encoding": "o200k_base"}, "exclude each other"),
        ({"model": "gpt-4o", "tokenizer": "t.json"}, "exclude each other"),
        ({"encoding": "o300k"}, "unknown encoding o300k"),
        ({"encoding": ""}, "unknown encoding"),
        ({"model": "house-model"}, "no tokenizer is known for the model 'house-model'"),
    ],
)
def test_wrong_questions(arguments: dict[str, str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        count_tokens("x", **arguments)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file|cannot be read"):
        count_tokens("x", tokenizer=tmp_path / "nothing.json")


def test_an_old_model_without_its_vocabulary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(ConfigError, match="r50k_base is not on this machine"):
        count_tokens("x", model="text-davinci-001")


@pytest.mark.parametrize("text", [b"bytes", None, 5, ["a"]])
def test_what_is_no_text(text: object) -> None:
    with pytest.raises(TypeError, match="not a str"):
        count_tokens(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [{"model": 5}, {"encoding": ["o200k_base"]}])
def test_names_that_are_no_text(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="not a str"):
        count_tokens("x", **arguments)


def test_sums_are_as_sure_as_their_least_sure_part() -> None:
    exact, rough = TokenCount.exact(5, "a"), TokenCount(10, 8, 13, "estimated", "a")
    rebuilt = TokenCount(3, 2, 4, "reconstructed", "a")
    assert exact + rough == TokenCount(15, 13, 18, "estimated", "a")
    assert (exact + rebuilt).method == "reconstructed"
    assert (rough + rebuilt).method == "estimated"
    assert total([], "a") == TokenCount.exact(0, "a")
    assert total([exact, rough], "a").estimated
    assert not exact.estimated


@pytest.mark.parametrize("arguments", ["encoding='o200k_base'", "model='gpt-4o'"])
def test_an_exact_count_loads_no_estimator_and_no_big_library(arguments: str) -> None:
    code = (
        "import sys, llmopt\n"
        f"llmopt.count_tokens('hello', {arguments})\n"
        "heavy = {'llmopt.tokens.estimate.estimator', 'tokenizers', 'duckdb', 'pandas', 'rich', 'torch', 'requests'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
