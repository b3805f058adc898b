"""Folders that hold no model, or none that may be opened, are told apart before any library opens them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmopt.errors import InputError
from llmopt.models.folder import Architecture, fields, model_folder
from llmopt.models.layout import layout_of


def written(folder: Path, **files: object) -> Path:
    for name, value in files.items():
        path = folder / name.replace("__", "/").replace("_json", ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), encoding="utf-8")
    return folder


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, llmopt.models, llmopt.models.folder, llmopt.models.layout; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "tokenizers", "numpy"} & set(done.stdout.split())


def test_a_name_on_a_hub_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"all-MiniLM-L6-v2: no such folder") as caught:
        model_folder("sentence-transformers/all-MiniLM-L6-v2")
    assert "nothing is downloaded" in caught.value.hint
    with pytest.raises(InputError, match="no such folder"):
        model_folder("a\x00b")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="no such folder"):
        model_folder(tmp_path / "file")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json in it"):
        model_folder(tmp_path, "config.json")
    written(tmp_path, config_json={})
    with pytest.raises(InputError, match=r"no \*\.safetensors in it"):
        model_folder(tmp_path, "config.json")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert model_folder(str(tmp_path), "config.json") == tmp_path


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth", "last.ckpt"])
def test_pickled_weights_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04")
    with pytest.raises(InputError, match="loading a pickle runs the code in it"):
        model_folder(tmp_path)


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'{"model_type": 3}', b"\xff", b"[" * 100_000])
def test_damaged_json_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "config.json").write_bytes(data)
    with pytest.raises(InputError, match=r"config\.json"):
        fields(tmp_path / "config.json", Architecture)


def test_a_missing_file_has_no_fields(tmp_path: Path) -> None:
    assert fields(tmp_path / "config.json", Architecture) is None


def test_a_plain_encoder_is_pooled_by_the_mean(tmp_path: Path) -> None:
    layout = layout_of(tmp_path)
    assert (layout.encoder, layout.pooling, layout.max_tokens, layout.lower) == (tmp_path, "mean", 512, False)
    assert (layout.query_prompt, layout.passage_prompt) == ("", "")


STEPS_2 = [
    {"idx": 0, "name": "0", "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]
STEPS_6 = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
    {"idx": 1, "name": "1", "path": "p", "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
    {"idx": 2, "name": "2", "path": "n", "type": "sentence_transformers.base.modules.normalize.Normalize"},
]


def test_the_layout_of_version_2(tmp_path: Path) -> None:
    written(tmp_path, modules_json=STEPS_2, **{"1_Pooling__config_json": {"pooling_mode_cls_token": True}})
    (tmp_path / "0_Transformer").mkdir()
    (tmp_path / "0_Transformer" / "sentence_bert_config.json").write_text(
        '{"max_seq_length": 128, "do_lower_case": true}'
    )
    layout = layout_of(tmp_path)
    assert (layout.encoder, layout.pooling) == (tmp_path / "0_Transformer", "cls")
    assert (layout.max_tokens, layout.lower) == (128, True)


def test_the_layout_of_version_6(tmp_path: Path) -> None:
    prompts = {"prompts": {"query": "query: ", "passage": "passage: "}}
    written(tmp_path, modules_json=STEPS_6, p__config_json={"pooling_mode": "mean"}, tokenizer_config_json={})
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 1e30}')
    layout = layout_of(tmp_path)
    assert (layout.encoder, layout.pooling, layout.query_prompt) == (tmp_path, "mean", "query: ")
    assert layout.passage_prompt == "passage: "
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 256}')
    assert layout_of(tmp_path).max_tokens == 256


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode": "lasttoken"},
        {"pooling_mode": ["mean", "max"]},
        {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True},
        {"pooling_mode": "mean", "include_prompt": False},
    ],
)
def test_pooling_that_would_be_wrong_is_refused(tmp_path: Path, pooling: dict[str, object]) -> None:
    written(tmp_path, **{"1_Pooling__config_json": pooling})
    with pytest.raises(InputError, match="is not supported"):
        layout_of(tmp_path)


def test_a_step_that_would_be_left_out_is_refused(tmp_path: Path) -> None:
    dense = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    written(tmp_path, modules_json=[*STEPS_2, dense])
    with pytest.raises(InputError, match="'Dense' is not supported"):
        layout_of(tmp_path)
