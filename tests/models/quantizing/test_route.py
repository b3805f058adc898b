"""A checkpoint is streamed into another: every byte, in order, whatever the chunks, threads and files."""

from __future__ import annotations

import ast
import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, LlmoptError
from llmopt.models.quantizing.buffers import Buffers, buffers
from llmopt.models.quantizing.config import QuantizeConfig
from tests.models.extras import library
from tests.models.quantizing.makers import LLAMA, loaded, restored, save

torch = library("torch", "models")
library("safetensors", "models")
library("compressed_tensors", "models")
route: Any = importlib.import_module("llmopt.models.quantizing.route")

CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 96, "torch_dtype": "bfloat16"}


def weights(dtype: str = "bfloat16", *, layers: int = 2) -> dict[str, Any]:
    torch.manual_seed(0)
    names = {name.replace(".0.", f".{at}."): shape for at in range(layers) for name, shape in LLAMA.items()}
    made = {name: (torch.randn(shape) * 0.02).to(getattr(torch, dtype)) for name, shape in names.items()}
    return made | {"model.steps": torch.arange(5)}


def asked(scheme: Any = "w8a8", **fields: Any) -> QuantizeConfig:
    return QuantizeConfig(scheme=scheme, group_size=32, **fields)


@pytest.mark.parametrize("scheme", ["w8a8", "w8a16", "w4a16"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_what_is_read_back_is_near_and_the_rest_is_the_same(tmp_path: Path, scheme: str, dtype: str) -> None:
    source = weights(dtype)
    save(tmp_path / "src", source, CONFIG)
    report = route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked(scheme))
    found = loaded(tmp_path / "dst")
    back = restored(found, exact=True)
    assert set(back) == set(source)
    changed = {layer.name: layer for layer in report.layers}
    assert (report.tensors.quantized, report.tensors.kept) == (10, len(source) - 10)
    for name, tensor in source.items():
        if name not in changed:
            assert torch.equal(back[name], tensor)
            continue
        noise = (tensor.double() - back[name]).square().sum()
        sqnr = 10 * torch.log10(tensor.double().square().sum() / noise)
        assert float(sqnr) == pytest.approx(changed[name].sqnr_db, abs=0.01)
        assert float(sqnr) > (17 if scheme == "w4a16" else 38)
    assert report.bytes_after == sum(t.numel() * t.element_size() for t in found.values())
    assert report.bytes_before == sum(t.numel() * t.element_size() for t in source.values())


def test_the_configuration_names_what_stays(tmp_path: Path) -> None:
    save(tmp_path / "src", weights(), CONFIG)
    (tmp_path / "src" / "tokenizer.json").write_text("{}")
    report = route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked("w4a16", skip=("o_proj",)))
    made = json.loads((tmp_path / "dst" / "config.json").read_text())
    settings = made.pop("quantization_config")
    assert made == CONFIG
    assert (settings["quant_method"], settings["format"]) == ("compressed-tensors", "pack-quantized")
    assert {"lm_head", "model.layers.0.self_attn.o_proj", "model.layers.1.self_attn.o_proj"} <= set(settings["ignore"])
    assert settings["config_groups"]["group_0"]["weights"]["group_size"] == 32
    assert "--skip o_proj" in {kept.reason for kept in report.kept}
    assert sorted(path.name for path in (tmp_path / "dst").iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert "LlamaForCausalLM" in report.load_line


def test_chunks_threads_and_files_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = weights(layers=3)
    save(tmp_path / "one", source, CONFIG)
    save(tmp_path / "three", source, CONFIG, files=3)
    first = route.quantize_checkpoint(tmp_path / "one", tmp_path / "a", asked("w4a16", jobs=1))
    monkeypatch.setattr(route, "buffers", lambda *_: Buffers(3, 1024))
    calls: list[tuple[int, int]] = []
    second = route.quantize_checkpoint(tmp_path / "three", tmp_path / "b", asked("w4a16"), lambda *c: calls.append(c))
    one, three = loaded(tmp_path / "a"), loaded(tmp_path / "b")
    assert one.keys() == three.keys()
    assert all(torch.equal(tensor, three[name]) for name, tensor in one.items())
    index = json.loads((tmp_path / "b" / "model.safetensors.index.json").read_text())
    assert index["weight_map"].keys() == three.keys()
    assert set(index["weight_map"].values()) == {f"model-{at:05}-of-00003.safetensors" for at in (1, 2, 3)}
    assert calls[-1] == (first.bytes_before, first.bytes_before)
    assert calls == sorted(calls)
    for layer, other in zip(sorted(first.layers, key=str), sorted(second.layers, key=str), strict=True):
        assert layer.sqnr_db == pytest.approx(other.sqnr_db, abs=1e-3)


def test_bfloat16(tmp_path: Path) -> None:
    source = weights("float32")
    save(tmp_path / "src", source, CONFIG | {"torch_dtype": "float32"})
    report = route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked("bf16", skip=("lm_head",)))
    found = loaded(tmp_path / "dst")
    assert {name for name, tensor in found.items() if tensor.dtype != torch.bfloat16} == {
        "lm_head.weight",
        "model.steps",
    }
    assert all(torch.equal(found[name], tensor.to(found[name].dtype)) for name, tensor in source.items())
    assert json.loads((tmp_path / "dst" / "config.json").read_text())["torch_dtype"] == "bfloat16"
    assert report.format == "bfloat16"


def test_what_bfloat16_cannot_hold_is_told_and_an_empty_tensor_is_no_matter(tmp_path: Path) -> None:
    source = {"a.weight": torch.full((4, 8), 3.4e38), "b.weight": torch.zeros(0, 8), "c.weight": torch.ones(8, 8)}
    save(tmp_path / "src", source, CONFIG)
    with pytest.raises(InputError, match="too large for bfloat16") as caught:
        route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked("bf16"))
    assert "--skip a.weight" in caught.value.hint
    route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked("bf16", skip=("a.weight",)))
    found = loaded(tmp_path / "dst")
    assert {name: tensor.dtype for name, tensor in found.items()} == {
        "a.weight": torch.float32,
        "b.weight": torch.bfloat16,
        "c.weight": torch.bfloat16,
    }


def test_64_bits_are_no_quantized_weights(tmp_path: Path) -> None:
    save(tmp_path / "src", {"a.weight": torch.randn(32, 64).double()}, CONFIG)
    route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked("bf16"))
    assert loaded(tmp_path / "dst")["a.weight"].dtype == torch.bfloat16


@pytest.mark.parametrize("bad", ["nan", "inf"])
@pytest.mark.parametrize("name", ["model.layers.1.mlp.down_proj.weight", "model.embed_tokens.weight"])
def test_weights_that_are_no_numbers(tmp_path: Path, bad: str, name: str) -> None:
    source = weights()
    source[name][3, 5] = float(bad)
    save(tmp_path / "src", source, CONFIG)
    if bad == "inf" and "embed" in name:
        route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked())
        return
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked())
    assert [path.name for path in tmp_path.iterdir()] == ["src"]


def test_sources_that_cannot_be_quantized(tmp_path: Path) -> None:
    save(tmp_path / "src", weights(), CONFIG)
    route.quantize_checkpoint(tmp_path / "src", tmp_path / "done", asked())
    with pytest.raises(InputError, match="quantized already"):
        route.quantize_checkpoint(tmp_path / "done", tmp_path / "dst", asked())
    save(tmp_path / "norms", {"a.norm.weight": torch.ones(4)}, CONFIG)
    with pytest.raises(InputError, match="no tensor to quantize") as caught:
        route.quantize_checkpoint(tmp_path / "norms", tmp_path / "dst", asked())
    assert caught.value.hint == "why they stay: norm"
    (tmp_path / "empty").mkdir()
    with pytest.raises(LlmoptError):
        route.quantize_checkpoint(tmp_path / "empty", tmp_path / "dst", asked())
    save(tmp_path / "t5", weights(), CONFIG | {"model_type": "t5"})
    with pytest.raises(InputError, match="no tensor to quantize") as caught:
        route.quantize_checkpoint(tmp_path / "t5", tmp_path / "dst", asked("w4a16"))
    assert caught.value.hint.startswith("--scheme w8a8 can be loaded")
    assert not (tmp_path / "dst").exists()
    assert not (tmp_path / "dst.partial").exists()


def test_weights_alone_still_work(tmp_path: Path) -> None:
    save(tmp_path / "src", weights())
    report = route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked())
    assert report.tensors.quantized == 10
    assert any("no config.json" in warning for warning in report.warnings)


def test_a_run_that_was_interrupted_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "src", weights(layers=4), CONFIG, files=2)
    whole = route.quantize_checkpoint(tmp_path / "src", tmp_path / "whole", asked())
    monkeypatch.setattr(route, "buffers", lambda *_: Buffers(1, 4096))

    def interrupt(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked(), interrupt)
    assert not (tmp_path / "dst").exists()
    calls: list[int] = []
    resumed = asked(resume=True)
    report = route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", resumed, lambda done, _: calls.append(done))
    assert calls[0] > whole.bytes_before // 3
    assert calls[-1] == whole.bytes_before
    assert {layer.name for layer in report.layers} == {layer.name for layer in whole.layers}
    for path in (tmp_path / "whole").iterdir():
        assert (tmp_path / "dst" / path.name).read_bytes() == path.read_bytes()


def test_a_run_does_not_go_on_with_something_else(tmp_path: Path) -> None:
    save(tmp_path / "src", weights(), CONFIG)

    def interrupt(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked(), interrupt)
    calls: list[int] = []
    other = replace(asked("w4a16"), resume=True)
    route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", other, lambda done, _: calls.append(done))
    assert calls[0] < 96 * 64 * 2 + 1
    assert "lm_head.weight" in loaded(tmp_path / "dst")


def interrupted(source: Path, target: Path, config: QuantizeConfig) -> None:
    """Run until half is done, and no further."""

    def interrupt(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        route.quantize_checkpoint(source, target, config, interrupt)


def test_what_another_run_left_is_not_in_the_result(tmp_path: Path) -> None:
    experts = {f"model.layers.0.mlp.experts.{at}.up_proj.weight": torch.randn(64, 128) for at in range(4)}
    source = weights() | experts
    save(tmp_path / "src", source, CONFIG, files=3)
    interrupted(tmp_path / "src", tmp_path / "dst", asked(target="transformers"))
    resumed = asked(target="vllm", resume=True)
    route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", resumed)
    route.quantize_checkpoint(tmp_path / "src", tmp_path / "new", asked(target="vllm"))
    assert files_of(tmp_path / "dst") == files_of(tmp_path / "new")
    interrupted(tmp_path / "src", tmp_path / "other", asked())
    (tmp_path / "src" / "model.safetensors.index.json").unlink()
    for path in (tmp_path / "src").glob("*.safetensors"):
        path.unlink()
    save(tmp_path / "src", source, CONFIG)
    route.quantize_checkpoint(tmp_path / "src", tmp_path / "other", asked(resume=True))
    assert set(files_of(tmp_path / "other")) == {"config.json", "model.safetensors"}


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_pickle_that_torch_reads_is_gone_on_with_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = weights(layers=3)
    turned = "model.layers.0.mlp.down_proj.weight"
    (tmp_path / "src").mkdir()
    torch.save(source | {turned: source[turned].t().contiguous().t()}, tmp_path / "src" / "pytorch_model.bin")
    route.quantize_checkpoint(tmp_path / "src", tmp_path / "whole", asked())
    monkeypatch.setattr(route, "buffers", lambda *_: Buffers(1, 4096))
    interrupted(tmp_path / "src", tmp_path / "dst", asked())
    calls: list[int] = []
    resumed = asked(resume=True)
    route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", resumed, lambda done, _: calls.append(done))
    assert calls[0] > calls[-1] // 3
    assert files_of(tmp_path / "dst") == files_of(tmp_path / "whole")


@pytest.mark.parametrize("target", ["transformers", "vllm"])
def test_the_line_that_loads_it_is_python(tmp_path: Path, target: Any) -> None:
    save(tmp_path / "src", weights(layers=1), CONFIG)
    report = route.quantize_checkpoint(tmp_path / "src", tmp_path / "it's here", asked(target=target))
    statements = ast.parse(report.load_line).body
    assert isinstance(statements[0], ast.Import)
    assert repr(str(tmp_path / "it's here")) in report.load_line


def test_no_room_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "src", weights(), CONFIG)
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("llmopt.models.quantizing.destination.shutil.disk_usage", lambda _: usage)
    with pytest.raises(InputError, match="MB are free"):
        route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked())
    assert [path.name for path in tmp_path.iterdir()] == ["src"]


def test_pickled_weights_are_read_in_place(tmp_path: Path) -> None:
    source = weights(layers=1)
    (tmp_path / "src").mkdir()
    torch.save(source, tmp_path / "src" / "pytorch_model.bin")
    (tmp_path / "src" / "config.json").write_text(json.dumps(CONFIG))
    route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked())
    assert set(restored(loaded(tmp_path / "dst"))) == set(source)
    assert sorted(path.name for path in (tmp_path / "dst").iterdir()) == ["config.json", "model.safetensors"]


def test_what_a_user_should_know_is_said(tmp_path: Path) -> None:
    experts = {f"model.layers.0.mlp.experts.{at}.up_proj.weight": torch.randn(64, 64) for at in range(2)}
    save(tmp_path / "src", experts | {"a.zero.weight": torch.zeros(64, 64)}, CONFIG)
    skipping = asked(skip=("*experts.1",))
    report = route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", skipping)
    assert any("1 weights of experts stay" in warning for warning in report.warnings)
    assert {layer.name: layer.sqnr_db for layer in report.layers}["a.zero.weight"] is None
    other = route.quantize_checkpoint(tmp_path / "src", tmp_path / "vllm", asked(target="vllm"))
    assert other.load_line == f"import vllm; model = vllm.LLM({str(tmp_path / 'vllm')!r})"
    assert other.format == "int-quantized"


def test_files_of_the_source_without_such_names_get_them(tmp_path: Path) -> None:
    write = importlib.import_module("safetensors.torch").save_file
    source = weights(layers=1)
    (tmp_path / "src").mkdir()
    names = list(source)
    write({name: source[name] for name in names[::2]}, tmp_path / "src" / "a.safetensors")
    write({name: source[name] for name in names[1::2]}, tmp_path / "src" / "b.safetensors")
    where = {name: f"{'ab'[at % 2]}.safetensors" for at, name in enumerate(names)}
    index = {"metadata": {}, "weight_map": where}
    (tmp_path / "src" / "model.safetensors.index.json").write_text(json.dumps(index))
    route.quantize_checkpoint(tmp_path / "src", tmp_path / "dst", asked())
    assert sorted(path.name for path in (tmp_path / "dst").glob("*.safetensors")) == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ]
    assert set(restored(loaded(tmp_path / "dst"))) == set(source)


def test_less_memory_means_smaller_chunks_and_fewer_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmopt.models.quantizing.buffers.held_bytes", lambda: 300_000_000)
    assert buffers(1_000_000_000, 2) == Buffers(2, 1 << 20)
    assert buffers(337_000_000, 2) == Buffers(2, 739_584)
    assert buffers(331_000_000, 2) == Buffers(1, 729_216)
    assert buffers(100_000_000, 8) == Buffers(1, 1 << 19)
