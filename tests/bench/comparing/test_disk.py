"""The weights of a model on disk: those that are loaded, each once, whatever else lies beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmopt.bench.comparing.disk import size_on_disk


def put(folder: Path, **sizes: int) -> None:
    """Write files of so many bytes; `__` in a name stands for a dot, `___` for a slash."""
    for name, size in sizes.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)


def test_tokenizer_and_settings_are_no_weights(tmp_path: Path) -> None:
    put(tmp_path, model__safetensors=100, tokenizer__json=999, config__json=50, vocab__txt=70)
    assert size_on_disk(tmp_path) == 100


def test_the_same_weights_in_other_formats_do_not_count(tmp_path: Path) -> None:
    put(
        tmp_path,
        model__safetensors=100,
        pytorch_model__bin=100,
        tf_model__h5=100,
        onnx___model__onnx=100,
        openvino___openvino_model__bin=100,
        training_args__bin=3,
    )
    assert size_on_disk(tmp_path) == 100
    (tmp_path / "model.safetensors").unlink()
    assert size_on_disk(tmp_path) == 100


def test_shards_count_as_the_index_names_them(tmp_path: Path) -> None:
    put(tmp_path, a__safetensors=10, b__safetensors=20, consolidated__safetensors=30)
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors", "z": "b.safetensors", "w": "../b.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert size_on_disk(tmp_path) == 30
    (tmp_path / "model.safetensors.index.json").write_text("[]", encoding="utf-8")
    assert size_on_disk(tmp_path) == 60


def test_graphs_with_their_data(tmp_path: Path) -> None:
    put(tmp_path, model__onnx=5, model__onnx__data=50, tokenizer__json=1)
    assert size_on_disk(tmp_path) == 55
    other = tmp_path / "openvino"
    put(other, openvino_model__xml=5, openvino_model__bin=50, pytorch_model__bin=7)
    assert size_on_disk(other) == 55


def test_modules_of_a_sentence_model_count(tmp_path: Path) -> None:
    put(tmp_path, model__safetensors=100)
    put(tmp_path / "2_Dense", model__safetensors=10)
    put(tmp_path / "old", model__safetensors=1000)
    (tmp_path.parent / "out").mkdir()
    put(tmp_path.parent / "out", model__safetensors=1000)
    modules = [{"path": ""}, {"path": "1_Pooling"}, {"path": "2_Dense"}, {"path": "../out"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    assert size_on_disk(tmp_path) == 110
    (tmp_path / "modules.json").write_text("{", encoding="utf-8")
    assert size_on_disk(tmp_path) == 100


def test_all_of_what_llmopt_saved_counts(tmp_path: Path) -> None:
    put(tmp_path, kept__safetensors=100, graph___model__xml=2, graph___model__bin=30, tokenizer__json=5)
    (tmp_path / "llmopt-model.json").write_text("{}", encoding="utf-8")
    assert size_on_disk(tmp_path) == 130


def test_links_of_a_cache_are_followed_and_a_file_counts_once(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    put(blobs, abc=40)
    snapshot.mkdir()
    try:
        (snapshot / "model-1.safetensors").symlink_to(blobs / "abc")
        (snapshot / "model-2.safetensors").symlink_to(blobs / "abc")
    except OSError:
        pytest.skip("no links here")
    assert size_on_disk(snapshot) == 40


def test_no_weights_have_no_size(tmp_path: Path) -> None:
    put(tmp_path, config__json=5)
    assert size_on_disk(tmp_path) is None
