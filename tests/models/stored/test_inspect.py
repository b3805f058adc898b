"""What `inspect` finds in a checkpoint."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmopt.errors import InputError, UsageError
from llmopt.models.quantizing.plan import plan
from llmopt.models.stored.folder import open_stored
from llmopt.models.stored.inspect import inspect
from llmopt.models.stored.inspection import Group
from tests.models.stored.makers import attack, write_folder, write_shards

LLAMA = {
    "model.embed_tokens.weight": ("BF16", (512, 256)),
    "model.layers.0.self_attn.q_proj.weight": ("BF16", (256, 256)),
    "model.layers.0.mlp.up_proj.weight": ("BF16", (384, 256)),
    "model.layers.0.input_layernorm.weight": ("BF16", (256,)),
    "model.steps": ("I64", ()),
}
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512, "tie_word_embeddings": True}


def test_a_checkpoint(tmp_path: Path) -> None:
    found = inspect(write_folder(tmp_path / "m", LLAMA, CONFIG))
    assert (found.model_type, found.architectures, found.tied) == ("llama", ("LlamaForCausalLM",), True)
    assert found.parameters == 512 * 256 + 256 * 256 + 384 * 256 + 256 + 1
    assert found.size_bytes == 2 * (found.parameters - 1) + 8
    assert found.file_bytes == found.size_bytes + found.read_bytes
    assert found.dtypes == (
        Group("BF16", 4, found.parameters - 1, found.size_bytes - 8),
        Group("I64", 1, 1, 8),
    )
    assert {group.name: group.tensors for group in found.kinds} == {
        "linear": 2,
        "embedding": 1,
        "norm": 1,
        "stored as I64": 1,
    }
    assert [tensor.kind for tensor in found.tensors][:2] == ["embedding", "linear"]
    assert sum(group.size_bytes for group in found.kinds) == found.size_bytes


def test_what_schemes_save(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", LLAMA, CONFIG)
    found = inspect(folder)
    saved = {scheme.scheme: scheme for scheme in found.schemes}
    linear = 256 * 256 + 384 * 256
    assert saved["w8a8"].saved_bytes == linear - 2 * (256 + 384)  # a byte a number; a scale of two bytes a row
    assert saved["w4a16"].saved_bytes == linear * 3 // 2 - 2 * (linear // 128) - 2 * 16
    assert saved["w4a16"].saved_share == pytest.approx(saved["w4a16"].saved_bytes / found.size_bytes)
    assert (saved["bf16"].saved_bytes, saved["bf16"].why_none) == (0, "stored as BF16")
    assert all(scheme.bytes_after == plan(open_stored(folder), scheme.scheme).bytes_after for scheme in found.schemes)
    assert all(scheme.quantized + scheme.kept == len(found.tensors) for scheme in found.schemes)


def test_options_are_those_of_quantize(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", LLAMA, CONFIG)
    assert {scheme.quantized for scheme in inspect(folder, skip=["mlp.*", "*up_proj"]).schemes[:3]} == {1}
    assert inspect(folder, group_size=1024).schemes[2].quantized == 0
    with pytest.raises(UsageError, match="groups of 100"):
        inspect(folder, target="vllm", group_size=100)


def test_quantized_before(tmp_path: Path) -> None:
    found = inspect(write_folder(tmp_path / "m", LLAMA, CONFIG | {"quantization_config": {"quant_method": "gptq"}}))
    assert (found.quantized, found.schemes) == ("gptq", ())
    assert any("quantized already (gptq)" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("auto_map", "told"),
    [
        ({"AutoModel": "modeling_x.X", "AutoTokenizer": ["a.T", None]}, ("modeling_x.X", "a.T")),
        ({}, ()),
        ("nonsense", ()),
    ],
)
def test_code_of_its_own(tmp_path: Path, auto_map: object, told: tuple[str, ...]) -> None:
    found = inspect(write_folder(tmp_path / "m", LLAMA, CONFIG | {"auto_map": auto_map}))
    assert found.needs_code == told
    assert any("runs Python code" in warning for warning in found.warnings) is bool(told)


def test_odd_configurations(tmp_path: Path) -> None:
    odd = {"architectures": "X", "model_type": 3, "tie_word_embeddings": "yes", "text_config": [], "vocab_size": "1"}
    found = inspect(write_folder(tmp_path / "a", LLAMA, odd))
    assert (found.model_type, found.architectures, found.tied) == (None, (), None)
    assert inspect(write_folder(tmp_path / "b", LLAMA, {"text_config": {"tie_word_embeddings": False}})).tied is False
    assert "no config.json" in inspect(write_folder(tmp_path / "c", LLAMA, None)).warnings[0]


def test_shards(tmp_path: Path) -> None:
    found = inspect(write_shards(tmp_path))
    assert [(shard.name, shard.tensors) for shard in found.shards] == [
        (f"model-0000{at}-of-00003.safetensors", 1) for at in (1, 2, 3)
    ]
    assert found.file_bytes == sum(shard.file_bytes for shard in found.shards)
    assert {tensor.shard for tensor in found.tensors} == {shard.name for shard in found.shards}


def test_pickles(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    weight = torch.zeros(64, 64)
    torch.save({"a.weight": weight, "b.weight": weight, "turned": weight.t()}, tmp_path / "pytorch_model.bin")
    found = inspect(tmp_path)
    assert (found.format, found.tied, found.unsafe_globals) == ("pickle", True, ())
    assert (found.parameters, found.size_bytes, len(found.tensors)) == (4096, 16384, 2)
    assert "torch._utils._rebuild_tensor_v2" in found.globals
    assert found.warnings[0] == "not counted, for only torch can read it: turned"


def test_an_attack_is_shown_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    attack(tmp_path / "pytorch_model.bin", marker)
    found = inspect(tmp_path)
    assert found.unsafe_globals == ("posix.system",)
    assert "posix.system, which no checkpoint needs" in found.warnings[0]
    assert found.tensors == ()
    assert not marker.exists()


def test_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", LLAMA, CONFIG)
    code = (
        f"import sys; from llmopt.models.stored.inspect import inspect; inspect({str(folder)!r});"
        "import llmopt.report.inspect_view;"
        "print({'torch', 'numpy', 'transformers', 'safetensors', 'huggingface_hub'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_very_many_tensors(tmp_path: Path) -> None:
    shapes = {f"model.layers.{at // 8}.mlp.{at % 8}_proj.weight": ("U8", (1, 1)) for at in range(5_000)}
    found = inspect(write_folder(tmp_path / "m", shapes, CONFIG))
    assert len(found.tensors) == found.parameters == 5_000


def test_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(InputError, match="no weights in it"):
        inspect(tmp_path)
