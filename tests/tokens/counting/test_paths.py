"""Paths become counts, file by file and target by target; what cannot be counted is named."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from llmopt.errors import InputError
from llmopt.tokens.api import count_tokens, tokenizer_for
from llmopt.tokens.counting import reading, requests
from llmopt.tokens.counting import texts as module
from llmopt.tokens.counting.paths import count_paths, targets_for
from llmopt.tokens.counting.values import Counted, Target
from llmopt.tokens.exact.tokenizer import ExactTokenizer
from llmopt.tokens.result import TokenCount

O200K = Target(None, tokenizer_for(encoding="o200k_base"))
CHAT = {"model": "gpt-4", "messages": [{"role": "user", "content": "Hi there"}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two prompts, a picture, and something hidden."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.md").write_text("Hello there, world")
    (tmp_path / "a.txt").write_text("hello world")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    (tmp_path / ".hidden").write_text("no")
    return tmp_path


def named(result: Counted) -> dict[str, int]:
    return {Path(file.path).name: file.count.tokens for file in result.files}


def test_a_folder(folder: Path) -> None:
    result = count_paths([str(folder)], [O200K])
    assert named(result) == {"a.txt": 2, "b.md": 4}
    assert [(Path(item.path).name, item.asked) for item in result.skipped] == [("logo.png", False)]
    assert "not text" in result.skipped[0].reason
    (total,) = result.totals
    assert (total.count.tokens, total.estimated_tokens, total.estimated_share) == (6, 0, 0.0)


def test_named_files_that_cannot_be_counted_are_asked_for(folder: Path) -> None:
    result = count_paths([str(folder / "logo.png"), str(folder / "none"), str(folder / "a.txt"), "*.nothing"], [O200K])
    assert named(result) == {"a.txt": 2}
    assert [item.asked for item in result.skipped] == [True, True, True]
    assert [item.reason for item in result.skipped][:2] == ["no such file or directory", "no file matches *.nothing"]


def test_an_empty_folder_and_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "nothing.txt").write_text("")
    result = count_paths([str(tmp_path / "empty"), str(tmp_path / "nothing.txt")], [O200K])
    assert named(result) == {"nothing.txt": 0}
    assert [item.reason for item in result.skipped] == ["no file in this directory"]
    assert result.totals[0].estimated_share == 0.0


def test_a_file_that_is_named_twice_counts_once(folder: Path) -> None:
    assert named(count_paths([str(folder / "a.txt"), str(folder / "*.txt")], [O200K])) == {"a.txt": 2}


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hello world")))
    assert named(count_paths(["-"], [O200K])) == {"<stdin>": 2}


def test_several_models(folder: Path) -> None:
    targets = [targets_for("gpt-4"), targets_for("claude-2.1")]
    result = count_paths([str(folder)], targets)
    assert [(file.model, file.count.method) for file in result.files] == [
        ("gpt-4", "exact"),
        ("claude-2.1", "estimated"),
    ] * 2
    first, second = result.totals
    assert (first.model, first.estimated_share) == ("gpt-4", 0.0)
    assert (second.model, second.estimated_share) == ("claude-2.1", 1.0)
    assert second.count.low <= second.count.tokens <= second.count.high


def test_long_files_are_counted_in_batches(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_CHARACTERS", 5)
    assert named(count_paths([str(folder)], [O200K])) == {"a.txt": 2, "b.md": 4}


def test_a_tokenizer_that_does_not_add_up_gets_whole_texts(folder: Path) -> None:
    class Words:
        name = "words"
        seen: list[str] = []  # noqa: RUF012 - a stand-in

        def count(self, text: str) -> TokenCount:
            return TokenCount.exact(len(text.split()), self.name)

        def count_many(self, texts: object) -> list[TokenCount]:
            assert isinstance(texts, list)
            self.seen += texts
            return [self.count(text) for text in texts]

    words = Words()
    result = count_paths([str(folder)], [Target(None, words)])
    assert named(result) == {"a.txt": 2, "b.md": 3}
    assert words.seen == ["hello world", "Hello there, world"]


def test_requests_are_counted_with_their_formatting(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text(f"{json.dumps(CHAT)}\n{json.dumps(CHAT)}\nbroken\n")
    result = count_paths([str(path)], [targets_for("gpt-4")], messages=True)
    (file,) = result.files
    one = 3 + count_tokens("user", model="gpt-4").tokens + count_tokens("Hi there", model="gpt-4").tokens + 3
    assert [count.tokens for count in file.requests] == [one, one]
    assert (file.count.tokens, file.count.method) == (2 * one, "exact")
    assert file.overhead_tokens == 2 * 7
    assert [(item.path, item.asked) for item in result.skipped] == [(f"{path}:3", True)]


def test_requests_are_counted_by_the_model_they_name(tmp_path: Path) -> None:
    bodies = [CHAT, CHAT | {"model": "gpt-4o"}, {"body": CHAT}, {"messages": CHAT["messages"]}, CHAT | {"model": "own"}]
    path = tmp_path / "requests.json"
    path.write_text(json.dumps(bodies))
    result = count_paths([str(path)], [Target(None, None)], messages=True)
    (file,) = result.files
    assert file.count.tokenizer == "cl100k_base, o200k_base, other (from o200k_base)"
    assert len(file.requests) == 5
    assert file.estimated_tokens == file.requests[4].tokens
    assert result.totals[0].estimated_tokens == file.requests[4].tokens
    assert result.notes == (
        "no model named: counted by o200k_base, as for OpenAI (1 request)",
        "no tokenizer is known for 'own': estimated over all families (1 request)",
    )


def test_a_file_without_a_request_is_named(folder: Path) -> None:
    result = count_paths([str(folder)], [targets_for("gpt-4")], messages=True)
    assert result.files == ()
    assert {Path(item.path).name for item in result.skipped} == {"a.txt", "b.md", "logo.png"}
    assert result.totals[0].count.tokens == 0


def test_uncounted_parts_and_pictures_are_kept(tmp_path: Path) -> None:
    parts = [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]
    path = tmp_path / "audio.json"
    path.write_text(json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": parts}]}))
    (file,) = count_paths([str(path)], [Target(None, None)], messages=True).files
    assert len(file.uncounted) == 1
    assert "audio" in file.uncounted[0]
    assert file.count.method == "estimated"


def test_what_repeats_is_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text("\n".join(json.dumps(CHAT) for _ in range(50)))
    target = Target("gpt-4", ExactTokenizer("cl100k_base"))
    result = count_paths([str(path)], [target], messages=True)
    assert (result.memo_hits, result.memo_misses) == (98, 2)


def test_a_text_that_a_tokenizer_cannot_encode_is_named_and_the_rest_counts(folder: Path) -> None:
    class Picky:
        name = "picky"

        def count(self, text: str) -> TokenCount:
            if "there" in text:
                raise InputError("picky: cannot encode a text")
            return TokenCount.exact(1, self.name)

        def count_many(self, texts: Sequence[str]) -> list[TokenCount]:
            return [self.count(text) for text in texts]

    result = count_paths([str(folder)], [Target(None, Picky())])
    assert named(result) == {"a.txt": 1}
    assert ("b.md", "picky: cannot encode a text") in [(Path(item.path).name, item.reason) for item in result.skipped]


def test_requests_before_the_damage_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 500)
    monkeypatch.setattr(requests, "_BATCH_REQUESTS", 7)
    path = tmp_path / "log.jsonl"
    path.write_bytes("\n".join(json.dumps(CHAT) for _ in range(50)).encode() + b"\n\0\0\0")
    result = count_paths([str(path)], [targets_for("gpt-4")], messages=True)
    (file,) = result.files
    (skipped,) = result.skipped
    assert 0 < len(file.requests) <= 50
    assert skipped.reason == f"not text: it holds NUL bytes; the {len(file.requests)} requests before that are counted"


def test_a_request_of_an_old_model_is_estimated_with_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "none"))
    requests._by_name.cache_clear()
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"model": "text-davinci-003", "prompt": "hello there"}))
    result = count_paths([str(path)], [Target(None, None)], messages=True)
    assert result.files[0].count.method == "estimated"
    assert result.notes == (
        "text-davinci-003: the vocabulary p50k_base is not on this machine: estimated over all families (1 request)",
    )


def test_a_request_that_a_tokenizer_cannot_encode_leaves_its_file_out(tmp_path: Path) -> None:
    class Picky:
        name = "picky"

        def count(self, text: str) -> TokenCount:
            raise InputError("picky: cannot encode a text")

        def count_many(self, texts: Sequence[str]) -> list[TokenCount]:
            return [self.count(text) for text in texts]

    path = tmp_path / "log.json"
    path.write_text(json.dumps(CHAT))
    result = count_paths([str(path)], [Target(None, Picky())], messages=True)
    assert (result.files, result.skipped[0].reason) == ((), "picky: cannot encode a text")


def test_a_folder_that_cannot_be_listed_is_named_and_the_rest_counts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = count_paths([str(folder)], [O200K])
    assert named(result) == {"a.txt": 2}
    assert ("deep", "cannot be listed: Permission denied", True) in [
        (Path(item.path).name, item.reason, item.asked) for item in result.skipped
    ]


def test_a_second_name_of_a_file_is_named(folder: Path) -> None:
    (folder / "latest.txt").symlink_to(folder / "a.txt")
    result = count_paths([str(folder)], [O200K])
    assert named(result) == {"a.txt": 2, "b.md": 4}
    assert f"the same file as {folder / 'a.txt'}" in [item.reason for item in result.skipped]


def test_bytes_that_are_no_text_make_an_estimate(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"caf\xe9 is a nice place to sit and drink a cup of tea or coffee")
    (file,) = count_paths([str(path)], [O200K]).files
    assert (file.replaced, file.count.method, file.estimated_tokens) == (1, "estimated", file.count.tokens)
    assert file.count.low == file.count.tokens - 3
