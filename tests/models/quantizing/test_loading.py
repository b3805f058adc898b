"""What is written loads in transformers: weights alone give the outputs of the restored weights, exactly."""

from __future__ import annotations

import importlib
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.plan import plan
from tests.models.extras import library
from tests.models.quantizing.makers import loaded, restored, save, stored

torch = library("torch", "models")
transformers = library("transformers", "models")
library("compressed_tensors", "models")
quantize_checkpoint: Any = importlib.import_module("llmopt.models.quantizing.route").quantize_checkpoint

SIZES: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "Llama": ("LlamaForCausalLM", SIZES | {"num_key_value_heads": 2}),
    "Qwen2": ("Qwen2ForCausalLM", SIZES | {"num_key_value_heads": 2, "tie_word_embeddings": True}),
    "Mixtral": ("MixtralForCausalLM", SIZES | {"num_key_value_heads": 2, "num_local_experts": 4}),
    "Bert": ("BertForSequenceClassification", SIZES),
    "Falcon": ("FalconForCausalLM", SIZES),
    "NanoChat": ("NanoChatForCausalLM", SIZES | {"num_key_value_heads": 4}),
    "Gemma3": (
        "Gemma3ForConditionalGeneration",
        {
            "text_config": SIZES | {"num_key_value_heads": 2, "head_dim": 16},
            "vision_config": SIZES | {"image_size": 32, "patch_size": 8},
            "mm_tokens_per_image": 4,
        },
    ),
}
"""Families that find no packed weight in some of their layers are among them, and one with a tower that finds none."""


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    logging.getLogger("compressed_tensors").setLevel(logging.ERROR)


def made(folder: Path, name: str, dtype: Any) -> str:
    kind, settings = MODELS[name]
    torch.manual_seed(0)
    model = getattr(transformers, kind)(getattr(transformers, f"{name}Config")(**settings))
    model.to(dtype).save_pretrained(folder)
    return kind


def outputs(kind: str, folder: Path) -> Any:
    model = getattr(transformers, kind).from_pretrained(folder, local_files_only=True).eval()
    with torch.no_grad():
        return model(input_ids=torch.arange(24).view(2, 12) * 3 % 96).logits.float()


def plain(folder: Path, source: Path) -> Path:
    """Write the restored weights of a result as a checkpoint that knows nothing of quantization."""
    return save(source, restored(loaded(folder)), _config(folder))


def _config(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text())
    del found["quantization_config"]
    return found


@pytest.mark.parametrize("scheme", ["w8a16", "w4a16"])
@pytest.mark.parametrize("name", [name for name in MODELS if name != "Falcon"])
def test_weights_alone(tmp_path: Path, name: str, scheme: Any) -> None:
    kind = made(tmp_path / "src", name, torch.bfloat16 if name == "Llama" else torch.float32)
    # other tests of this process hold gigabytes
    config = QuantizeConfig(scheme=scheme, group_size=32, max_memory_bytes=100_000_000_000)
    report = quantize_checkpoint(tmp_path / "src", tmp_path / "dst", config)
    assert report.tensors.quantized >= 5
    assert report.warnings == ()
    found = outputs(kind, tmp_path / "dst")
    assert torch.equal(found, outputs(kind, plain(tmp_path / "dst", tmp_path / "plain")))
    assert not torch.equal(found, outputs(kind, tmp_path / "src"))


@pytest.mark.parametrize("name", MODELS)
def test_weights_and_activations(tmp_path: Path, name: str) -> None:
    kind = made(tmp_path / "src", name, torch.float32)
    quantize_checkpoint(tmp_path / "src", tmp_path / "dst", QuantizeConfig(scheme="w8a8"))
    found, source = outputs(kind, tmp_path / "dst"), outputs(kind, tmp_path / "src")
    assert float((found - source).norm() / source.norm()) < 0.05
    restored_outputs = outputs(kind, plain(tmp_path / "dst", tmp_path / "plain"))
    assert float((found - restored_outputs).norm() / source.norm()) < 0.05


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("Bert", 12),
        ("GPT2", 0),
        ("T5", 20),
        ("OPT", 12),
        ("Mamba", 8),
        ("Qwen2Moe", 10),
        ("IBert", 0),
        ("Canine", 12),
        ("CLIP", 20),
        ("SpeechT5", 20),
        ("Sam", 20),
        ("DebertaV2", 12),
    ],
)
def test_what_is_quantized_is_a_linear_layer(kind: str, least: int) -> None:
    """On models as transformers builds them, without weights."""
    config = getattr(transformers, f"{kind}Config")()
    for name in ("num_hidden_layers", "num_layers", "encoder_layers", "decoder_layers", "n_layer"):
        if isinstance(getattr(config, name, None), int):
            setattr(config, name, 2)
    with torch.device("meta"):
        model = getattr(transformers, f"{kind}Model")(config)
    made = plan(stored({name: tuple(t.shape) for name, t in model.state_dict().items()}, config.to_dict()), "w8a8")
    modules = dict(model.named_modules())
    for entry in made.quantized:
        assert type(modules[entry.tensor.name.removesuffix(".weight")]).__mro__.count(torch.nn.Linear)
    assert len(made.quantized) >= least


def test_experts_in_one_tensor_stay_and_load(tmp_path: Path) -> None:
    kind, settings = MODELS["Mixtral"]
    torch.manual_seed(0)
    model = transformers.MixtralForCausalLM(transformers.MixtralConfig(**settings))
    config = model.config.to_dict() | {"architectures": [kind]}
    save(tmp_path / "src", {name: t.contiguous() for name, t in model.state_dict().items()}, config)
    report = quantize_checkpoint(tmp_path / "src", tmp_path / "dst", QuantizeConfig(scheme="w4a16", group_size=32))
    assert {kept.reason for kept in report.kept} >= {"experts in 3 dimensions", "router"}
    found = outputs(kind, tmp_path / "dst")
    assert torch.equal(found, outputs(kind, plain(tmp_path / "dst", tmp_path / "plain")))
