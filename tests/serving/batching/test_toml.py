"""What is written is read back; what makes no sense is refused with the file and the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import ConfigError
from llmopt.serving.batching.settings import BatchSettings
from llmopt.serving.batching.toml import DEFAULT_QUEUE, Config, read_config, write_config


def read(folder: Path, text: str | bytes) -> Config:
    path = folder / "batcher.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_config(path)


@given(
    settings=st.builds(
        BatchSettings,
        max_batch_size=st.integers(1, 10**6),
        max_wait_s=st.floats(0, 1e6),
        max_batch_tokens=st.none() | st.integers(1, 10**9),
    ),
    max_queue=st.integers(1, 10**9),
    comments=st.lists(st.text()),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, settings: BatchSettings, max_queue: int, comments: list[str]
) -> None:
    config = Config(settings, max_queue)
    assert read(tmp_path_factory.mktemp("toml"), write_config(config, comments)) == config


def test_the_file_is_plain() -> None:
    assert write_config(Config(BatchSettings(16, 0.002, 1024), 64), ["the best", "of 60"]) == (
        "# the best\n# of 60\n[batcher]\nmax_batch_size = 16\nmax_wait_s = 0.002\nmax_batch_tokens = 1024\n"
        "max_queue = 64\n"
    )


def test_what_is_not_there_keeps_its_default(tmp_path: Path) -> None:
    assert read(tmp_path, "[batcher]\n") == Config(BatchSettings(), DEFAULT_QUEUE)
    assert read(tmp_path, "[model]\nname = 'x'\n[batcher]\nmax_wait_s = 1\n").settings.max_wait_s == 1.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"batcher\.toml: no table \[batcher\] in it"),
        ("batcher = 3\n", r"no table \[batcher\]"),
        ("[batcher\n", "no valid TOML"),
        (b"[batcher]\n# \xff\n", "not valid UTF-8"),
        ("[batcher]\nmax_batch = 3\n", r"\[batcher\] has no key 'max_batch'"),
        ("[batcher]\nmax_batch_size = true\n", "max_batch_size in .batcher. is True"),
        ("[batcher]\nmax_batch_size = 1.5\n", "max_batch_size in .batcher. is 1.5"),
        ("[batcher]\nmax_batch_size = '8'\n", "max_batch_size in .batcher. is '8'"),
        ("[batcher]\nmax_batch_size = 0\n", "max_batch_size is 0; at least 1"),
        ("[batcher]\nmax_wait_s = '5ms'\n", "max_wait_s in .batcher. is '5ms'"),
        ("[batcher]\nmax_wait_s = -1\n", "max_wait_s is -1.0"),
        ("[batcher]\nmax_wait_s = inf\n", "max_wait_s is inf"),
        ("[batcher]\nmax_wait_s = nan\n", "max_wait_s is nan"),
        (f"[batcher]\nmax_wait_s = 1{'0' * 400}\n", "too large"),
        ("[batcher]\nmax_batch_tokens = 0\n", "max_batch_tokens is 0"),
        ("[batcher]\nmax_queue = 0\n", "max_queue in .batcher. is 0"),
        ("[batcher]\nmax_queue = true\n", "max_queue in .batcher. is True"),
    ],
)
def test_nonsense_is_refused_with_file_and_key(tmp_path: Path, text: str | bytes, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        read(tmp_path, text)
    assert "batcher.toml" in caught.value.message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        read_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        read_config(tmp_path)
