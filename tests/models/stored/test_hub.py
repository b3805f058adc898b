"""Names of checkpoints: paths, and the hub's local cache as it lies on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt.errors import InputError
from llmopt.models.stored.hub import found

hub = pytest.importorskip("huggingface_hub")


def cached(cache: Path, revision: str = "abc123") -> Path:
    repository = cache / "models--owner--name"
    snapshot = repository / "snapshots" / "abc123"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)
    (snapshot / "config.json").write_text("{}")
    return snapshot


def test_a_path(tmp_path: Path) -> None:
    assert found(tmp_path) == tmp_path


def test_a_name_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = cached(tmp_path / "hub")
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert found("owner/name") == snapshot
    monkeypatch.setenv("HF_HOME", "/nowhere")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert found("owner/name") == snapshot
    assert hub.snapshot_download("owner/name", local_files_only=True, cache_dir=tmp_path / "hub") == str(snapshot)


def test_the_usual_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    snapshot = cached(tmp_path / ".cache" / "huggingface" / "hub")
    assert found("owner/name") == snapshot


@pytest.mark.parametrize("revision", ["../../../..", "/etc", "", "gone", "a\0b", "a/b"])
def test_a_cache_that_is_damaged_or_hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str) -> None:
    cached(tmp_path, revision)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="not in the local cache of the hub"):
        found("owner/name")


@pytest.mark.parametrize("name", ["../x/y", "a/b/c", "a..b/c", "x" * 100_000, "a\0b", "no/such", "~/model"])
def test_names_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="no such file or folder"):
        found(name)
