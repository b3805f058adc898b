"""Counts with local tokenizer files are those of the libraries that own the files, and what is no tokenizer is said.

The tokenizers are made here: small ones that the libraries train, and vocabularies written by hand.
"""

from __future__ import annotations

import base64
import importlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.errors import InputError, LlmoptError, MissingExtraError, UsageError
from llmopt.tokens.exact.vocabulary import VOCABULARIES, encoding, ranks_file
from llmopt.tokens.files import local
from llmopt.tokens.files.local import LocalTokenizer, open_tokenizer
from llmopt.tokens.result import TokenCount
from tests.conftest import ROOT

LINES = [line for line in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines() if line.strip()]
PATTERN = r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPECIAL = ["<s>", "</s>", "[INST]", "<|endoftext|>"]
STRANGE = [
    *("", " ", "\n", "  leading", "trailing  ", "\t\t\r\n\r\n", "\x00", "\u2581", "\ufeffx", "e\u0301", "\U0001f600"),
    *("Ti\u1ebfng Vi\u1ec7t", "\u4eca\u5929\u5929\u6c14", "\u0645\u0631\u062d\u0628\u0627", "<0x0A>", "<unk>"),
    *SPECIAL,
    "a</s>b <s>[INST] c",
]
TEXTS = [*STRANGE, *LINES, "\n".join(LINES)]


def library(name: str) -> Any:
    """Import an optional package; CI has them all."""
    return importlib.import_module(name) if "CI" in os.environ else pytest.importorskip(name)


@pytest.fixture(scope="module")
def huggingface() -> dict[str, Any]:
    """Return a tokenizer.json that adds a start token, truncates, pads and drops merges at random."""
    tokenizers = library("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Split(tokenizers.Regex(PATTERN), "isolated"),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=alphabet, special_tokens=SPECIAL, show_progress=False
    )
    made.train_from_iterator([*LINES, " " * 64], trainer)
    made.post_processor = tokenizers.processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 0)])
    made.enable_truncation(4)
    made.enable_padding(length=8)
    document: dict[str, Any] = json.loads(made.to_str())
    document["model"]["dropout"] = 0.5
    return document


@pytest.fixture(scope="module")
def sentencepiece_model() -> bytes:
    model = io.BytesIO()
    library("sentencepiece").SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=model, vocab_size=500, model_type="bpe", byte_fallback=True,
        control_symbols=["[INST]"], minloglevel=2,
    )  # fmt: skip
    return model.getvalue()


def tekken(merges: tuple[str, ...] = ("ab", "abab", "  ", "    "), **config: Any) -> dict[str, Any]:
    """Return a tekken.json that has one more token than is in use."""
    tokens = [bytes([byte]) for byte in range(256)] + [merge.encode() for merge in merges] + [b"unused"]
    vocab = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for rank, token in enumerate(tokens)
    ]
    sizes = {"default_vocab_size": 256 + len(merges) + 10, "default_num_special_tokens": 10}
    return {"config": {"pattern": PATTERN, "version": "v3", **sizes, **config}, "vocab": vocab, "type": "Tekken"}


def written(path: Path, content: bytes | str | dict[str, Any]) -> Path:
    text = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.fixture(params=["tokenizers", "sentencepiece", "tekken"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> LocalTokenizer:
    """Return a tokenizer of each kind, from a file whose name says nothing."""
    fixtures = {"tokenizers": "huggingface", "sentencepiece": "sentencepiece_model"}
    content = request.getfixturevalue(fixtures[request.param]) if request.param in fixtures else tekken()
    found = open_tokenizer(written(tmp_path / "file", content))
    assert isinstance(found, LocalTokenizer)
    return found


def tokens(tokenizer: LocalTokenizer, texts: list[str]) -> list[int]:
    return [count.tokens for count in tokenizer.count_many(texts)]


def test_a_tokenizer_json_counts_as_its_library_does(tmp_path: Path, huggingface: dict[str, Any]) -> None:
    path = written(tmp_path / "tokenizer.json", huggingface)
    plain = huggingface | {"truncation": None, "padding": None, "model": huggingface["model"] | {"dropout": None}}
    truth = library("tokenizers").Tokenizer.from_str(json.dumps(plain))
    truth.encode_special_tokens = True
    expected = [len(truth.encode(text, add_special_tokens=False).ids) for text in TEXTS]
    assert [count.tokens for count in open_tokenizer(path).count_many(TEXTS)] == expected
    assert [open_tokenizer(path).count(text) for text in TEXTS] == [
        TokenCount.exact(tokens, str(path)) for tokens in expected
    ]


def test_a_sentencepiece_model_counts_as_its_library_does(tmp_path: Path, sentencepiece_model: bytes) -> None:
    path = written(tmp_path / "tokenizer.model", sentencepiece_model)
    truth = library("sentencepiece").SentencePieceProcessor(model_file=str(path))
    expected = [len(truth.encode_as_pieces(text)) for text in TEXTS]
    assert [count.tokens for count in open_tokenizer(path).count_many(TEXTS)] == expected
    assert [open_tokenizer(path).count(text).tokens for text in TEXTS] == expected


def test_a_tekken_json_is_cut_by_its_pattern_and_merged_by_its_ranks(tmp_path: Path) -> None:
    path = written(tmp_path / "tekken.json", tekken())
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"ab": 256, b"abab": 257, b"  ": 258, b"    ": 259}
    truth = tiktoken.Encoding("truth", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    opened = open_tokenizer(path)
    texts = [*TEXTS, "x" + " \t" * 15_000 + "ab"]
    assert [opened.count(text).tokens for text in texts] == [len(truth.encode_ordinary(text)) for text in texts]
    assert opened.count("abababa").tokens == 3  # abab, ab, a
    assert opened.count("unused").tokens == 6
    assert opened.count("ab" + " " * 9 + "ab").tokens == 5  # one blank stays with the second word


@pytest.mark.parametrize("spelling", SPECIAL)
def test_special_tokens_are_plain_text(opened: LocalTokenizer, spelling: str) -> None:
    assert opened.count(spelling).tokens > 1


def test_a_public_file_of_ranks_is_known_by_its_hash(tmp_path: Path) -> None:
    path = written(tmp_path / "any.tiktoken", ranks_file(VOCABULARIES["cl100k_base"]))
    expected = [len(encoding("cl100k_base").encode_ordinary(text)) for text in TEXTS]
    opened = open_tokenizer(str(path))
    assert opened.name == str(path)
    assert [count.tokens for count in opened.count_many(TEXTS)] == expected


@pytest.mark.parametrize(
    ("text", "same"),
    [("\ud800", "\ufffd"), ("a\udc00b", "a\ufffdb"), ("\ud83d\ude00", "\U0001f600"), ("\udfff\ud800", "\ufffd\ufffd")],
)
def test_lone_surrogates_are_replaced(opened: LocalTokenizer, text: str, same: str) -> None:
    assert opened.count(text) == opened.count(same)


@pytest.mark.parametrize("character", [" ", "a", "\n", "\u4e2d", "\U0001f600", "\u0301", "\r\n", " \t"])
def test_a_million_of_the_same_do_no_harm(opened: LocalTokenizer, character: str) -> None:
    text = character * 1_100_000
    assert 0 < opened.count("x" + text).tokens <= len(text.encode()) + 2


def test_several_batches_keep_the_order(opened: LocalTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [opened.count(text) for text in TEXTS]
    assert opened.count_many([]) == []
    monkeypatch.setattr(local, "_BATCH", 1000)
    assert opened.count_many(TEXTS * 3) == expected * 3


@pytest.mark.parametrize("longest", [9_000, 15_000])
@pytest.mark.parametrize("space", [" ", "\n", "  ", ""])
def test_cuts_leave_no_trace_in_the_count(opened: LocalTokenizer, longest: int, space: str) -> None:
    words = Random(longest).choices(" ".join([*LINES, *STRANGE[-12:]]).split(" "), k=12_000)
    text = space.join(words)
    whole = LocalTokenizer("whole", opened.lengths, len(text))
    cut = LocalTokenizer("cut", opened.lengths, longest)
    assert tokens(cut, [text, "a", text]) == tokens(whole, [text, "a", text])


@given(st.lists(st.text("ab \n", max_size=40), max_size=4), st.integers(2, 12))
@settings(max_examples=200)
def test_what_cuts_add_is_taken_back(texts: list[str], longest: int) -> None:
    """Whatever is counted: every window here reaches to the end of the text."""

    def lengths(parts: list[str]) -> list[int]:
        return [len(re.findall(r"a+b|\s+", part)) + len(part) ** 2 for part in parts]

    assert tokens(LocalTokenizer("cut", lengths, longest), texts) == lengths(texts)


def test_no_library_gets_more_than_it_takes() -> None:
    sizes: list[int] = []

    def lengths(parts: list[str]) -> list[int]:
        sizes.extend(map(len, parts))
        return [len(part) for part in parts]

    text = ("word " * 30 + "\n") * 500 + "x" * 40_000
    assert tokens(LocalTokenizer("any", lengths, 20_000), [text]) == [len(text)]
    assert max(sizes) <= 20_000


def test_a_directory_is_searched_for_the_best_file(tmp_path: Path, huggingface: dict[str, Any]) -> None:
    written(tmp_path / "config.json", {"model_type": "llama"})
    written(tmp_path / "tokenizer.model", b"\n\x0e\n\x05<unk> damaged")
    written(tmp_path / "tekken.json", tekken())
    assert open_tokenizer(tmp_path).name == str(tmp_path / "tekken.json")
    written(tmp_path / "tokenizer.json", huggingface)
    assert open_tokenizer(str(tmp_path)).name == str(tmp_path / "tokenizer.json")


def test_json_may_start_with_a_mark_and_white_space(tmp_path: Path) -> None:
    path = written(tmp_path / "tekken.json", b"\xef\xbb\xbf \r\n" + json.dumps(tekken(), indent=1).encode())
    assert open_tokenizer(path).count("abab").tokens == 1


NO_TOKENIZER: dict[str, tuple[bytes | dict[str, Any], str]] = {
    "empty": (b"", "empty, not a tokenizer"),
    "text": (b"Hello there\n", "not a tokenizer"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a tokenizer"),
    "zeros": (bytes(10_000), "not a tokenizer"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "a pointer of Git LFS"),
    "object": (b"{}", "JSON, but not a tokenizer"),
    "list": (b"[1]", "not a tokenizer: Expected `object`"),
    "log": (b'{"model": "gpt-4o", "usage": {}}\n' * 2, "not a tokenizer: JSON is malformed"),
    "words": (b'{"!": 0, "model": 1, "vocab": 2}', "JSON, but not a tokenizer"),
    "truncated": (json.dumps(tekken()).encode()[:-100], "not a tokenizer: Input data was truncated"),
    "deep": (b'{"model":' + b"[" * 100_000, "not a tokenizer"),
}
"""What is in the file, and what is said after its name."""
BAD_TEKKEN: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a rank left out": (lambda it: it["vocab"].pop(255), "ranks do not count up"),
    "no vocabulary": (lambda it: it["vocab"].clear(), "260 of 0 tokens are in use"),
    "no base64": (lambda it: it["vocab"][7].update(token_bytes="?"), "Invalid base64"),
    "no rank": (lambda it: it["vocab"][7].pop("rank"), "Object missing required field `rank`"),
    "a token twice": (lambda it: it["vocab"][258].update(token_bytes="YWI="), "a token is there twice"),
    "a byte that is no token": (
        lambda it: it["vocab"][7].update(token_bytes="Nzc="),
        "a token is there twice, or a byte",
    ),
    "no size": (lambda it: it["config"].pop("default_vocab_size"), "Object missing required field"),
    "a size too large": (lambda it: it["config"].update(default_vocab_size=9999), "9989 of 261 tokens are in use"),
    "a pattern that is none": (lambda it: it["config"].update(pattern="(("), "Parsing error"),
}
"""What is done to a right file, and what is said of it."""


@pytest.mark.parametrize("kind", NO_TOKENIZER)
def test_what_is_no_tokenizer_is_said(tmp_path: Path, kind: str) -> None:
    content, message = NO_TOKENIZER[kind]
    path = written(tmp_path / "tokenizer.json", content)
    complains(path, f"{path}: {message}")


@pytest.mark.parametrize("kind", BAD_TEKKEN)
def test_a_tekken_json_that_is_wrong(tmp_path: Path, kind: str) -> None:
    change, message = BAD_TEKKEN[kind]
    document = tekken()
    change(document)
    path = written(tmp_path / "tekken.json", document)
    complains(path, f"{path}: not a right tekken.json: {message}")


def complains(path: Path | str, message: str, kind: type[LlmoptError] = InputError) -> None:
    """Check that opening says one line that starts with `message`, and what to do next."""
    with pytest.raises(kind) as caught:
        open_tokenizer(path)
    assert caught.value.message.startswith(message)
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "model", [{}, {"type": "Nonsense"}, {"type": "BPE"}, {"type": "BPE", "vocab": 1, "merges": []}]
)
def test_a_tokenizer_json_that_the_library_does_not_know(tmp_path: Path, model: dict[str, Any]) -> None:
    library("tokenizers")
    path = written(tmp_path / "tokenizer.json", {"version": "1.0", "model": model})
    complains(path, f"{path}: not a tokenizer that the tokenizers package knows: ")


@pytest.mark.parametrize("size", [20, 1000, -1])
def test_a_damaged_sentencepiece_model(tmp_path: Path, sentencepiece_model: bytes, size: int) -> None:
    path = written(tmp_path / "tokenizer.model", sentencepiece_model[:size])
    complains(path, f"{path}: a damaged sentencepiece model")


def test_a_sentencepiece_model_whose_pieces_are_damaged(tmp_path: Path, sentencepiece_model: bytes) -> None:
    """Its library quotes the piece, which is no Unicode, in its message."""
    path = written(tmp_path / "tokenizer.model", sentencepiece_model.replace(b"<0x07>", b"<0x\xff7>"))
    complains(path, f"{path}: a damaged sentencepiece model")


def test_ranks_that_nobody_published_say_nothing_about_cuts(tmp_path: Path) -> None:
    path = written(
        tmp_path / "qwen.tiktoken", b"".join(b"%s %d\n" % (base64.b64encode(b"%d" % i), i) for i in range(9))
    )
    complains(path, f"{path}: a file of ranks does not say how to cut text", UsageError)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    complains(tmp_path / "none.json", f"{tmp_path}/none.json: cannot be read: No such file or directory")
    complains("null\0character", "null\0character: cannot be read: embedded null byte")
    complains(tmp_path, f"{tmp_path}: no tokenizer in this directory")
    monkeypatch.setattr(local, "_LARGEST_BYTES", 2**20)
    path = written(tmp_path / "model.safetensors", bytes(2**20 + 1))
    complains(path, f"{path}: not a tokenizer: larger than 1 MiB")


@pytest.mark.parametrize(
    ("package", "content"),
    [("tokenizers", {"model": {"type": "BPE"}}), ("sentencepiece", b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02")],
)
def test_a_library_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, content: Any
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=f"{package} is not installed") as caught:
        open_tokenizer(written(tmp_path / "file", content))
    assert caught.value.hint == "pip install 'llmopt[models]'"


def test_a_vocabulary_that_cannot_encode_a_text_is_an_error_of_its_file(tmp_path: Path) -> None:
    library("tokenizers")
    model = {"type": "Unigram", "unk_id": None, "vocab": [["a", -1.0]]}
    opened = open_tokenizer(written(tmp_path / "tokenizer.json", {"version": "1.0", "model": model}))
    assert opened.count("aa").tokens == 2
    with pytest.raises(InputError, match=r"cannot encode a text: .*unk_id"):
        opened.count("b")


def test_a_pattern_that_explodes_is_an_error_of_its_file(tmp_path: Path, huggingface: dict[str, Any]) -> None:
    split = {"type": "Split", "pattern": {"Regex": "(?:a|aa)+$"}, "behavior": "Isolated", "invert": False}
    opened = open_tokenizer(written(tmp_path / "tokenizer.json", huggingface | {"pre_tokenizer": split}))
    assert opened.count("aaa").tokens > 0
    with pytest.raises(InputError, match=r"cannot encode a text: .*retry-limit"):
        opened.count("a" * 60 + "b")


def test_what_the_library_does_not_raise_is_not_hidden(tmp_path: Path, huggingface: dict[str, Any]) -> None:
    opened = open_tokenizer(written(tmp_path / "tokenizer.json", huggingface))
    assert isinstance(opened, LocalTokenizer)
    with pytest.raises(TypeError):
        opened.lengths([None])  # type: ignore[list-item]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are of POSIX")
def test_counting_goes_on_in_a_fork_without_a_word(tmp_path: Path, huggingface: dict[str, Any]) -> None:
    code = """
import faulthandler, os, sys
from llmopt.tokens.files.local import open_tokenizer
faulthandler.dump_traceback_later(30, exit=True)
opened = open_tokenizer(sys.argv[1])
before = opened.count_many(["some text"] * 500)
child = os.fork()
if child == 0:
    os._exit(0 if opened.count_many(["some text"] * 500) == before else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    path = written(tmp_path / "tokenizer.json", huggingface)
    command = [sys.executable, "-W", "ignore", "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
