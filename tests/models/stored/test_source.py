"""Checkpoints whose weights are pickled: opened without running anything, converted where they must be."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import pytest

from llmopt.errors import InputError
from llmopt.models.stored.folder import open_stored
from llmopt.models.stored.source import as_safetensors, look_stored, open_source
from llmopt.models.stored.write import Piece, write_safetensors
from tests.models.stored.makers import CONFIG, attack, write_folder

torch = pytest.importorskip("torch")
files = pytest.importorskip("safetensors.torch")


def state() -> dict[str, Any]:
    weight = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    return {"a.weight": weight, "tied.weight": weight, "a.bias": torch.zeros(2, dtype=torch.bfloat16)}


def pickled(folder: Path, tensors: dict[str, Any], **options: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, folder / "pytorch_model.bin", **options)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "modules.json").write_text('[{"path": "1_Pooling"}]')
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text("{}")
    return folder


def same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("zipped", [True, False])
def test_read_in_place(tmp_path: Path, zipped: bool) -> None:
    folder = pickled(tmp_path / "m", state(), _use_new_zipfile_serialization=zipped)
    stored = open_source(folder, tmp_path / "scratch")
    assert {tensor.path.name for tensor in stored.tensors} == {"pytorch_model.bin"}
    assert stored.pickled
    assert stored.config == CONFIG
    assert stored.files == (Path("1_Pooling/config.json"), Path("config.json"), Path("modules.json"))
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_converted(tmp_path: Path, zipped: bool) -> None:
    folder = as_safetensors(
        pickled(tmp_path / "m", state(), _use_new_zipfile_serialization=zipped), tmp_path / "scratch"
    )
    assert same(files.load_file(folder / "model.safetensors"), state())
    assert (folder / "1_Pooling" / "config.json").read_text() == "{}"
    assert open_stored(folder).config == CONFIG


def test_numbers_in_another_order_are_read_by_torch(tmp_path: Path) -> None:
    tensors = state() | {
        "turned": torch.arange(6.0).reshape(2, 3).t(),
        "stepped": torch.arange(10)[::3],
        "spread": torch.ones(1).expand(4),
        "conjugate": torch.complex(torch.ones(2), torch.ones(2)).conj(),
    }
    home = pickled(tmp_path / "m", tensors)
    stored = open_source(home, tmp_path / "scratch")
    assert {tensor.path.name for tensor in stored.tensors if tensor.name == "turned"} == {"converted-00000.safetensors"}
    folder = as_safetensors(home, tmp_path / "again")
    assert same(files.load_file(folder / "model.safetensors"), tensors)


def test_a_kind_that_safetensors_does_not_have(tmp_path: Path) -> None:
    for at, odd in enumerate((torch.eye(2).to_sparse(), torch.zeros(2, dtype=torch.complex128))):
        folder = pickled(tmp_path / str(at), {"odd": odd, "w": torch.zeros(2)})
        with pytest.raises(InputError, match=r"'odd' is torch\.(float32 and torch\.sparse_coo|complex128)"):
            open_source(folder, tmp_path / "scratch")


def test_a_large_turned_tensor_is_written_in_parts(tmp_path: Path) -> None:
    tensors = {"turned": torch.arange(3_000_000, dtype=torch.int32).reshape(1000, 3000).t()}
    folder = as_safetensors(pickled(tmp_path / "m", tensors), tmp_path / "scratch")
    assert same(files.load_file(folder / "model.safetensors"), tensors)


def test_further_layers_that_are_pickled_are_told(tmp_path: Path) -> None:
    folder = pickled(tmp_path / "m", state())
    torch.save({}, folder / "1_Pooling" / "pytorch_model.bin")
    stored = open_source(folder, tmp_path / "scratch")
    assert "1_Pooling/pytorch_model.bin" not in [path.as_posix() for path in stored.files]
    assert stored.warnings == ("'1_Pooling/pytorch_model.bin' left out: a pickle, which the model may need",)


def test_shards(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    weight_map = {}
    for at, (name, tensor) in enumerate(state().items(), 1):
        weight_map[name] = f"pytorch_model-{at:05d}-of-00003.bin"
        torch.save({name: tensor}, folder / weight_map[name])
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))
    converted = as_safetensors(folder, tmp_path / "scratch")
    assert same(files.load_file(converted / "model.safetensors"), state())
    assert len(look_stored(folder)[1]) == 3


def test_an_attack_is_refused_trusted_or_not(tmp_path: Path) -> None:
    folder = pickled(tmp_path / "m", {})
    marker = tmp_path / "ran"
    attack(folder / "pytorch_model.bin", marker)
    for trusted in (False, True):
        with pytest.raises(InputError, match=r"posix\.system"):
            open_source(folder, tmp_path / "scratch", trust_pickle=trusted)
    with pytest.raises(InputError, match="its weights are pickled"):
        open_stored(folder)
    stored, pickles = look_stored(folder)
    assert (stored.tensors, pickles[0].hostile) == ((), ("posix.system",))
    assert not marker.exists()


def test_what_needs_trust(tmp_path: Path) -> None:
    folder = pickled(tmp_path / "m", {"state_dict": state(), "args": Namespace(a=1)})
    with pytest.raises(InputError, match=r"argparse\.Namespace") as caught:
        open_source(folder, tmp_path / "scratch")
    assert "--trust-pickle" in caught.value.hint
    assert open_source(folder, tmp_path / "s", trust_pickle=True).warnings == ()
    converted = as_safetensors(folder, tmp_path / "scratch", trust_pickle=True)
    assert same(files.load_file(converted / "model.safetensors"), state())


def test_trust_does_not_let_torch_run_a_pickle(tmp_path: Path) -> None:
    folder = pickled(tmp_path / "m", {"turned": state()["a.weight"].t(), "args": Namespace(a=1)})
    with pytest.raises(InputError, match="which opens this pickle only by running it"):
        open_source(folder, tmp_path / "scratch", trust_pickle=True)


def test_safetensors_stay_where_they_are(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m")
    assert as_safetensors(folder, tmp_path / "scratch") == folder
    assert open_source(folder, tmp_path / "scratch") == open_stored(folder)
    assert not (tmp_path / "scratch").exists()


def test_no_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pickled(tmp_path / "m", state())
    monkeypatch.setattr("llmopt.models.stored.source.shutil.disk_usage", lambda _: Namespace(free=3))
    with pytest.raises(InputError, match="3 are free"):
        as_safetensors(folder, tmp_path / "scratch")


def test_a_pickle_without_tensors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tensors in it"):
        open_source(pickled(tmp_path / "m", {"epoch": 1}), tmp_path / "scratch")


def test_a_pickle_that_torch_does_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pickled(tmp_path / "m", {"turned": state()["a.weight"].t(), "w": torch.zeros(2)})

    def refuse(path: Path, *, weights_only: bool, **_: Any) -> None:
        assert weights_only is True
        raise UnpicklingError("Weights only load failed\nand more lines")

    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(InputError, match=r"does not open it with weights_only: Weights only load failed$"):
        open_source(folder, tmp_path / "scratch")


def test_a_single_file_is_opened_by_its_folder(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m")
    assert as_safetensors(folder / "model.safetensors", tmp_path / "scratch") == folder


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    folder = pickled(tmp_path / "m", state())
    (tmp_path / "scratch").write_text("a file")
    with pytest.raises(InputError, match="scratch"):
        as_safetensors(folder, tmp_path / "scratch")


def test_a_full_disk(tmp_path: Path) -> None:
    piece = Piece("w", "U8", (1,), 1 << 20, [bytes(1 << 20)])
    with pytest.raises(InputError, match="No space left"):
        write_safetensors(Path("/dev/full"), [piece])
