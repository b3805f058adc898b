"""`llmopt inspect`, run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt
from tests.models.stored.makers import attack, write_folder, write_index, write_shards

SHAPES = {
    "model.embed_tokens.weight": ("BF16", (512, 256)),
    "model.layers.0.mlp.up_proj.weight": ("BF16", (256, 256)),
    "model.layers.0.mlp.down_proj.weight": ("BF16", (256, 256)),
    "model.norm.weight": ("BF16", (256,)),
}


@pytest.mark.parametrize("format", ["table", "csv", "markdown", "html", "json"])
def test_every_format(llmopt: Llmopt, tmp_path: Path, format: str) -> None:
    outcome = llmopt("inspect", write_folder(tmp_path / "m", SHAPES), "--format", format)
    assert (outcome.code, outcome.err) == (0, "")
    assert "mlp.up_proj.weight" in outcome.out


def test_json(llmopt: Llmopt, tmp_path: Path) -> None:
    outcome = llmopt("inspect", write_folder(tmp_path / "m", SHAPES), "--format", "json", "--skip", "*down_proj*")
    found = json.loads(outcome.out)
    assert found["schema"] == "llmopt.inspect/1"
    assert found["parameters"] == 512 * 256 + 2 * 256 * 256 + 256
    assert found["schemes"][0]["quantized"] == 1
    assert [one["kind"] for one in found["tensors"]] == ["embedding", "linear", "--skip *down_proj*", "norm"]


def test_tensors_lists_all(llmopt: Llmopt, tmp_path: Path) -> None:
    shapes = {f"layers.{at}.weight": ("F32", (8, at + 1)) for at in range(30)}
    folder = write_folder(tmp_path / "m", shapes)
    assert "layers.*.weight" in llmopt("inspect", folder).out
    assert "layers.0.weight" in llmopt("inspect", folder, "--tensors").out


def test_to_a_file(llmopt: Llmopt, tmp_path: Path) -> None:
    outcome = llmopt("inspect", write_shards(tmp_path / "m"), "-o", tmp_path / "a.csv")
    assert (outcome.code, outcome.out) == (0, "")
    assert (tmp_path / "a.csv").read_text().count("\n") == 4


def test_a_name_in_the_cache_of_the_hub(llmopt: Llmopt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "models--owner--name" / "snapshots" / "1", SHAPES)
    (tmp_path / "models--owner--name" / "refs").mkdir()
    (tmp_path / "models--owner--name" / "refs" / "main").write_text("1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert "owner/name: 262k parameters" in llmopt("inspect", "owner/name").out
    outcome = llmopt("inspect", "owner/other")
    assert outcome.code == 2
    assert "hf download owner/other" in outcome.err


def test_an_attack_is_shown_and_not_run(llmopt: Llmopt, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    attack(tmp_path / "pytorch_model.bin", marker)
    outcome = llmopt("inspect", tmp_path)
    assert outcome.code == 0
    assert "Its pickle asks for posix.system, which no checkpoint needs" in outcome.out
    assert not marker.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere/at/all",), "no such file or folder"),
        (("",), "no such file or folder"),
        (("m", "--target", "cpu"), "not one of transformers, vllm"),
        (("m", "--group-size", "0"), "not a whole number of 1 or more"),
        (("m", "--target", "vllm", "--group-size", "7"), "groups of 7"),
        (("m", "--skip", "re:("), "no regular expression"),
        (("m", "--format", "xml"), "xml"),
        (("m/config.json",), "not a checkpoint by its ending"),
        (("hostile",), "'../m/model.safetensors', which is no file of this folder"),
    ],
)
def test_bad_input(
    llmopt: Llmopt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    write_folder(tmp_path / "m", SHAPES)
    (tmp_path / "hostile").mkdir()
    write_index(tmp_path / "hostile", {"a": "../m/model.safetensors"})
    monkeypatch.chdir(tmp_path)
    outcome = llmopt("inspect", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert len(outcome.err.splitlines()) <= 2


def test_names_that_a_terminal_would_obey(llmopt: Llmopt, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", {"a\x1b[31m\nb.weight": ("F32", (4, 4))})
    for format in ("table", "csv", "markdown", "html", "json"):
        assert "\x1b" not in llmopt("inspect", folder, "--format", format).out


def test_help_loads_no_model(llmopt: Llmopt) -> None:
    outcome = llmopt("inspect", "--help")
    assert outcome.code == 0
    assert "CKPT" in outcome.out
    assert "llmopt.cli.inspect" in sys.modules
