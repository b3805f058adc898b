"""Checkpoints in folders: which files are taken, and what is refused about shards, indexes, names and links."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from llmopt.errors import InputError
from llmopt.models.stored.folder import open_stored
from llmopt.models.stored.values import Stored
from tests.models.stored.makers import CONFIG, TINY, write_file, write_folder, write_index, write_raw, write_shards

FIRST = "model-00001-of-00003.safetensors"
NAMES = list(TINY)


def names(stored: Stored) -> list[str]:
    return [tensor.name for tensor in stored.tensors]


def test_a_folder(tmp_path: Path) -> None:
    stored = open_stored(write_folder(tmp_path / "m"))
    assert names(stored) == NAMES
    assert stored.folder == tmp_path / "m"
    assert stored.config == CONFIG
    assert stored.quantized is None
    assert stored.files == (Path("config.json"), Path("tokenizer.json"))
    assert stored.metadata == {"format": "pt"}
    assert stored.warnings == ()
    assert not stored.pickled
    assert (stored.size_bytes, stored.shards[0].tensors) == (104, 3)
    assert stored.header_bytes == stored.shards[0].file_bytes - 104


@pytest.mark.parametrize("what", ["", "model.safetensors.index.json"])
def test_shards_by_folder_and_by_index(tmp_path: Path, what: str) -> None:
    stored = open_stored(write_shards(tmp_path) / what)
    assert names(stored) == NAMES
    assert [shard.path.name for shard in stored.shards] == [f"model-0000{at}-of-00003.safetensors" for at in (1, 2, 3)]
    assert stored.files == (Path("config.json"),)


def test_one_shard_by_itself(tmp_path: Path) -> None:
    stored = open_stored(write_shards(tmp_path) / FIRST)
    assert names(stored) == NAMES[:1]
    assert stored.warnings == (f"{FIRST} is one of 3 shards; the others are left out",)


def test_shards_without_an_index(tmp_path: Path) -> None:
    stored = open_stored(write_shards(tmp_path, index=False))
    assert names(stored) == NAMES
    assert "there is no index" in stored.warnings[0]


def test_a_whole_file_goes_before_an_index(tmp_path: Path) -> None:
    write_shards(write_folder(tmp_path))
    stored = open_stored(tmp_path)
    assert [shard.path.name for shard in stored.shards] == ["model.safetensors"]
    assert stored.warnings == (f"'{FIRST}' and 2 more left out: not part of the checkpoint",)


def test_safetensors_go_before_pickles(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02cos\nsystem\nq\0.")
    assert names(open_stored(tmp_path)) == NAMES


def test_any_single_file(tmp_path: Path) -> None:
    write_file(tmp_path / "weights.safetensors")
    for path in (tmp_path, tmp_path / "weights.safetensors"):
        assert names(open_stored(path)) == NAMES


def test_a_missing_shard(tmp_path: Path) -> None:
    (write_shards(tmp_path) / FIRST).unlink()
    with pytest.raises(InputError, match=f"1 of 3 shards missing, such as '{FIRST}'"):
        open_stored(tmp_path)
    (tmp_path / "model.safetensors.index.json").unlink()
    with pytest.raises(InputError, match="2 of 3 shards; number 1 is missing"):
        open_stored(tmp_path)


def test_a_shard_that_is_cut_short(tmp_path: Path) -> None:
    shard = write_shards(tmp_path) / FIRST
    os.truncate(shard, shard.stat().st_size - 1)
    with pytest.raises(InputError, match=f"{FIRST}: cut short"):
        open_stored(tmp_path)


def test_an_extra_shard(tmp_path: Path) -> None:
    write_file(write_shards(tmp_path) / "model-00004-of-00004.safetensors", {"more": ("U8", (1,))})
    stored = open_stored(tmp_path)
    assert names(stored) == NAMES
    assert stored.warnings == ("'model-00004-of-00004.safetensors' left out: not part of the checkpoint",)


def test_an_index_of_tensors_that_are_not_there(tmp_path: Path) -> None:
    write_index(write_shards(tmp_path), {NAMES[0]: FIRST, "ghost": FIRST, "other": FIRST})
    with pytest.raises(InputError, match="2 tensors not where it says, such as 'ghost'"):
        open_stored(tmp_path)


def test_a_tensor_in_another_shard_than_told(tmp_path: Path) -> None:
    write_file(tmp_path / "a.safetensors", {"one": ("U8", (1,)), "two": ("U8", (1,))})
    write_file(tmp_path / "b.safetensors", {"two": ("U8", (2,)), "three": ("U8", (1,))})
    write_index(tmp_path, {"one": "a.safetensors", "two": "b.safetensors"})
    stored = open_stored(tmp_path)
    assert [(one.name, one.path.name) for one in stored.tensors] == [
        ("one", "a.safetensors"),
        ("two", "b.safetensors"),
        ("three", "b.safetensors"),
    ]
    assert stored.warnings == (
        "1 tensor not in the index, such as 'three'",
        "1 tensor in a second shard too; the index says which one counts",
    )
    write_index(tmp_path, {"one": "a.safetensors", "three": "b.safetensors"})
    with pytest.raises(InputError, match=r"'two' is in a\.safetensors and b\.safetensors, and not in the index"):
        open_stored(tmp_path)


def test_a_tensor_in_two_shards_without_an_index(tmp_path: Path) -> None:
    for at in (1, 2):
        write_file(tmp_path / f"model-0000{at}-of-00002.safetensors", {"w": ("U8", (1,))})
    with pytest.raises(InputError, match=r"'w' is in model-00001-of-00002\.safetensors and model-00002"):
        open_stored(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../model.safetensors",
        "a/../../model.safetensors",
        "/etc/passwd.safetensors",
        "..\\model.safetensors",
        "C:\\model.safetensors",
        "//server/share/model.safetensors",
        "a\nb.safetensors",
        "a\0b.safetensors",
        "",
        ".",
        "..",
    ],
)
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    write_file(tmp_path / "model.safetensors")
    folder = tmp_path / "m"
    folder.mkdir()
    write_index(folder, {NAMES[0]: name})
    with pytest.raises(InputError, match=r"which is no file of this folder|is no \.safetensors file|shards missing"):
        open_stored(folder)


def test_an_index_that_names_something_else(tmp_path: Path) -> None:
    write_index(write_shards(tmp_path), {NAMES[0]: "config.json"})
    with pytest.raises(InputError, match=r"names 'config.json', which is no \.safetensors file"):
        open_stored(tmp_path)


def test_shards_in_a_folder_below(tmp_path: Path) -> None:
    write_file(tmp_path / "parts" / "a.safetensors")
    write_index(tmp_path, dict.fromkeys(NAMES, "parts/a.safetensors"))
    assert names(open_stored(tmp_path)) == NAMES
    write_index(tmp_path, dict.fromkeys(NAMES, "parts/a.safetensors") | {NAMES[1]: "./parts//a.safetensors"})
    assert names(open_stored(tmp_path)) == NAMES


def test_links_that_lead_out(tmp_path: Path) -> None:
    secret = write_file(tmp_path / "secret.safetensors")
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(secret)
    with pytest.raises(InputError, match="a link that leads out of the folder"):
        open_stored(folder)
    write_index(folder, dict.fromkeys(NAMES, "other.safetensors"))
    (folder / "model.safetensors").unlink()
    (folder / "other.safetensors").symlink_to("../secret.safetensors")
    with pytest.raises(InputError, match="a link that leads out of the folder"):
        open_stored(folder)
    (folder / "other.safetensors").unlink()
    (folder / "other.safetensors").symlink_to("other.safetensors")
    with pytest.raises(InputError, match="missing"):
        open_stored(folder)


def test_links_within_the_folder_and_to_the_cache_of_the_hub(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--a--b" / "snapshots" / "123"
    blob = write_file(tmp_path / "models--a--b" / "blobs" / "abc")
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to(os.path.relpath(blob, snapshot))
    (snapshot / "tokenizer.json").write_text("{}")
    (snapshot / "vocab.json").symlink_to("tokenizer.json")
    stored = open_stored(snapshot)
    assert names(stored) == NAMES
    assert stored.files == (Path("tokenizer.json"), Path("vocab.json"))


def test_other_files_that_are_links_out_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text("secret")
    folder = write_folder(tmp_path / "m")
    (folder / "vocab.json").symlink_to(tmp_path / "key.json")
    (folder / "below").symlink_to(tmp_path)
    stored = open_stored(folder)
    assert stored.files == (Path("config.json"), Path("tokenizer.json"))
    assert stored.warnings == ("'vocab.json' left out: a link that leads out of the folder",)


def test_which_files_are_copied(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "modules.json").write_text('[{"path": "", "type": "T"}, {"path": "2_Dense", "type": "D"}]')
    for name in ("checkpoint-500", "2_Dense", ".git", "onnx"):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text("{}")
    write_file(folder / "2_Dense" / "model.safetensors")
    write_file(folder / "onnx" / "model.safetensors")
    for name in (
        "LICENSE",
        "modeling_x.py",
        "training_args.bin",
        "model.onnx",
        ".env",
        "trainer_state.json",
        "vocab.txt",
    ):
        (folder / name).write_text("x")
    os.mkfifo(folder / "pipe.json")
    stored = open_stored(folder)
    assert [path.as_posix() for path in stored.files] == [
        "2_Dense/config.json",
        "2_Dense/model.safetensors",
        "LICENSE",
        "config.json",
        "modeling_x.py",
        "modules.json",
        "tokenizer.json",
        "vocab.txt",
    ]


def test_beside_a_single_file_only_what_is_known_is_copied(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "diary.txt").write_text("x")
    (folder / "vocab.txt").write_text("x")
    stored = open_stored(folder / "model.safetensors")
    assert [path.name for path in stored.files] == ["config.json", "tokenizer.json", "vocab.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no JSON"),
        ("[]", "not a JSON object"),
        ("{}", "no index"),
        ('{"weight_map": []}', "no index"),
        ('{"weight_map": {}}', "no index"),
        ('{"weight_map": {"a": 3}}', "no index"),
        ('{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}', "'a' stands in it twice"),
        ('{"a":' + "[" * 100_000, "no JSON"),
        ("\x80\xff", "no JSON"),
    ],
)
def test_an_index_that_is_none(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=message):
        open_stored(tmp_path)


def test_a_damaged_configuration(tmp_path: Path) -> None:
    (write_folder(tmp_path) / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config.json: no JSON"):
        open_stored(tmp_path)


def test_no_configuration(tmp_path: Path) -> None:
    assert open_stored(write_folder(tmp_path, config=None)).config is None


@pytest.mark.parametrize(
    ("name", "message"),
    [("nothing", "no such file or folder"), ("empty", "no weights in it"), ("a.txt", "not a checkpoint by its ending")],
)
def test_not_a_checkpoint(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match=message):
        open_stored(tmp_path / name)


def test_weights_that_are_elsewhere(tmp_path: Path) -> None:
    write_folder(tmp_path / "m" / "0_Transformer")
    with pytest.raises(InputError, match="no weights in it") as caught:
        open_stored(tmp_path / "m")
    assert caught.value.hint == "name '0_Transformer' in it, which has some"
    (tmp_path / "llmopt-model.json").write_text("{}")
    (tmp_path / "openvino_model.bin").write_bytes(b"12345678")
    with pytest.raises(InputError, match="what llmopt quantize made for a processor"):
        open_stored(tmp_path)


def test_several_checkpoints(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        write_file(tmp_path / name)
    with pytest.raises(InputError, match=r"several checkpoints in it, such as 'a\.safetensors' and 'b\.safetensors'"):
        open_stored(tmp_path)


def test_no_tensors(tmp_path: Path) -> None:
    write_raw(tmp_path / "model.safetensors", "{}")
    with pytest.raises(InputError, match="no tensors in it"):
        open_stored(tmp_path)


@pytest.mark.parametrize(
    ("config", "shapes", "told"),
    [
        ({"quantization_config": {"quant_method": "gptq"}}, TINY, "gptq"),
        ({"text_config": {"quantization_config": {"quant_method": "awq"}}}, TINY, "awq"),
        ({"quantization_config": {"bits": 4}}, TINY, "an unknown method"),
        ({"compression_config": {"quant_method": "compressed-tensors"}}, TINY, "compressed-tensors"),
        ({"quantization_config": None}, TINY, None),
        ({}, {"a.qweight": ("I32", (2, 2)), "a.qzeros": ("I32", (1, 1))}, "gptq or awq"),
        ({}, {"a.weight_packed": ("I32", (2, 2))}, "compressed-tensors"),
        ({}, {"a.weight_scale_inv": ("F32", (1,))}, "fp8"),
        ({}, {"a.weight": ("I8", (2, 2))}, "I8 weights"),
        ({}, {"a.weight": ("F8_E4M3", (2, 2))}, "F8_E4M3 weights"),
        ({}, {"a.position_ids": ("I64", (1, 2))}, None),
    ],
)
def test_quantized_before(tmp_path: Path, config: dict[str, object], shapes: object, told: str | None) -> None:
    assert isinstance(shapes, dict)
    assert open_stored(write_folder(tmp_path, shapes, config)).quantized == told


def test_headers_are_all_that_is_read(tmp_path: Path) -> None:
    shapes = {f"layers.{at}.weight": ("BF16", (2**20, 2**10)) for at in range(32)}
    path = tmp_path / "model.safetensors"
    begin = 0
    entries = {}
    for name, (dtype, shape) in shapes.items():
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, begin + 2**31]}
        begin += 2**31
    write_raw(path, json.dumps(entries))
    os.truncate(path, path.stat().st_size + begin)  # 64 GiB, and hardly a block on the disk
    stored = open_stored(tmp_path)
    assert stored.size_bytes == 2**36
    assert stored.header_bytes < 4096
    assert path.stat().st_blocks * 512 < 2**20


def test_links_in_circles(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").symlink_to("model.safetensors")
    with pytest.raises(InputError, match=r"link|No such file|symbolic"):
        open_stored(tmp_path)


def test_a_configuration_that_is_a_folder_or_huge(tmp_path: Path) -> None:
    config = write_folder(tmp_path, config=None) / "config.json"
    config.mkdir()
    with pytest.raises(InputError, match=r"config\.json: not a regular file"):
        open_stored(tmp_path)
    config.rmdir()
    config.touch()
    os.truncate(config, 10**9)  # sparse
    with pytest.raises(InputError, match="1,000,000,000 bytes of JSON"):
        open_stored(tmp_path)


def test_two_indexes(tmp_path: Path) -> None:
    write_shards(tmp_path)
    index = tmp_path / "model.safetensors.index.json"
    (tmp_path / "odd.safetensors.index.json").write_bytes(index.read_bytes())
    assert names(open_stored(tmp_path)) == NAMES
    index.rename(tmp_path / "other.safetensors.index.json")
    with pytest.raises(InputError, match="several checkpoints in it"):
        open_stored(tmp_path)
    (tmp_path / "other.safetensors.index.json").unlink()
    assert names(open_stored(tmp_path)) == NAMES


def test_modelopt_and_llmopt_say_so_in_files_of_their_own(tmp_path: Path) -> None:
    (write_folder(tmp_path) / "llmopt-model.json").write_text("{}")
    assert open_stored(tmp_path).quantized == "llmopt"
