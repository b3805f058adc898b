"""Reconstructed counts of Claude models, with `ctok` or a stand-in of its interface."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from llmopt.errors import ConfigError
from llmopt.tokens.estimate import reconstruct
from llmopt.tokens.estimate.reconstruct import available, frame, reconstructed

FRAMES = {"3.0": 7, "4.5": 7, "4.7": 11, "4.8": 6}
"""Tokens around a single message, measured with ctok 1.3.0."""


def stand_in() -> ModuleType:
    """A module with ctok's interface that counts a token for every four characters, and the real frames."""
    module = ModuleType("ctok")

    def token_count(text: str, version: str = "3.0") -> int:
        if version not in FRAMES:
            raise NotImplementedError(f"Unknown Claude tokenizer version: {version!r}")
        return FRAMES[version] + -(-len(text) // 4)

    module.token_count = token_count  # type: ignore[attr-defined]
    return module


def forget() -> None:
    reconstruct._module.cache_clear()
    frame.cache_clear()


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.fixture
def ctok(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctok", stand_in())


@pytest.fixture
def no_ctok(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctok", None)


def test_availability_is_whether_it_imports() -> None:
    assert available() == (importlib.util.find_spec("ctok") is not None)


@pytest.mark.parametrize("version", FRAMES)
@pytest.mark.usefixtures("ctok")
def test_the_frame_is_told_apart(version: str) -> None:
    assert available()
    assert frame(version) == FRAMES[version]
    assert reconstructed("word" * 5, version) == 5
    assert reconstructed("", version) == 0


@pytest.mark.usefixtures("ctok")
def test_a_version_that_is_not_known_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        reconstructed("a", "2.1")
    assert "2.1" in caught.value.message


@pytest.mark.usefixtures("no_ctok")
def test_without_it_the_error_says_what_to_do() -> None:
    assert not available()
    with pytest.raises(ConfigError) as caught:
        reconstructed("a", "4.5")
    assert "pip install ctok" in caught.value.hint


def test_the_installed_package_counts_what_was_recorded() -> None:
    rows = json.loads((Path(__file__).parent / "data" / "estimates.json").read_text(encoding="utf-8"))
    for name, version in (("claude-3", "4.5"), ("claude-4.7", "4.7")):
        if available():
            assert [reconstructed(row["text"], version) for row in rows] == [row["counts"][name] for row in rows]
        else:
            with pytest.raises(ConfigError):
                reconstructed(rows[0]["text"], version)
