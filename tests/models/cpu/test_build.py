"""Every recipe computes nearly what the source does, opens again as it was saved, and leaves the source alone."""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, UsageError
from llmopt.models.cpu.recipe import TODAY, TUTORIAL, Recipe, recipes
from tests.models.extras import library, save_tokenizer

torch = library("torch", "models")
transformers = library("transformers", "models")
open_model: Any = importlib.import_module("llmopt.models.checkpoint").open_model
making: Any = importlib.import_module("llmopt.models.cpu.build")
saved: Any = importlib.import_module("llmopt.models.cpu.saved")

SIZES: dict[str, Any] = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
BF16 = Recipe("torch", "bfloat16")
TOKEN = Recipe("torch", "int8", scales="token")
GROUPS = Recipe("openvino", "int8", scales="token", group=64)
DENSE = "encoder.layer.0.output.dense"


def made(folder: Path, kind: str, config: Any) -> Path:
    folder.mkdir()
    config.vocab_size = save_tokenizer(folder)
    torch.manual_seed(0)
    getattr(transformers, kind)(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("checkpoints")
    bert, gpt = transformers.BertConfig, transformers.GPT2Config
    llama = transformers.LlamaConfig(
        **SIZES, num_key_value_heads=4, tie_word_embeddings=True, bos_token_id=2, eos_token_id=3, pad_token_id=0
    )
    gpt2 = gpt(n_embd=64, n_layer=2, n_head=4, n_positions=64, bos_token_id=2, eos_token_id=3)
    return {
        "embed": made(home / "embed", "BertModel", bert(**SIZES)),
        "classify": made(home / "classify", "BertForSequenceClassification", bert(**SIZES, num_labels=3)),
        "generate": made(home / "generate", "LlamaForCausalLM", llama),
        "gpt2": made(home / "gpt2", "GPT2LMHeadModel", gpt2),
    }


@pytest.fixture(scope="module")
def sources(places: dict[str, Path]) -> dict[str, Any]:
    return {name: open_model(folder, device="cpu") for name, folder in places.items()}


def answers(model: Any) -> Any:
    requests = [[5 + at * at % (model.known_tokens - 5) for at in range(tokens)] for tokens in (5, 17, 9)]
    if model.facts.task == "generate":
        return torch.cat(model.token_logits(requests))
    return torch.stack([torch.from_numpy(row) for row in model.predict(requests)])


CASES = [
    *(("embed", one) for one in recipes("embed") if one.group < 128),
    *(("classify", one) for one in recipes("classify") if one.scales != "tensor" and one.numbers == "int8"),
    *(("generate", one) for one in recipes("generate") if one.rest == "float32"),
]


@pytest.mark.parametrize(("task", "recipe"), CASES, ids=[f"{task}: {one.name}" for task, one in CASES])
def test_a_recipe_is_close_and_opens_again_as_it_was(
    task: str, recipe: Recipe, places: dict[str, Path], sources: dict[str, Any], tmp_path: Path
) -> None:
    source = sources[task]
    before = answers(source)
    built = making.build(source, recipe)
    found = answers(built)
    assert (found - before).norm() < 0.06 * before.norm()
    if recipe != TODAY:
        assert built.facts.dtype == recipe.scheme
    saved.save(built, recipe, places[task], tmp_path)
    assert torch.equal(answers(source), before)
    again = saved.open_saved(tmp_path)
    assert torch.allclose(answers(again), found, atol=1e-6)
    assert (again.facts.dtype, again.facts.parameters) == (built.facts.dtype, source.facts.parameters)
    assert again.labels == source.labels
    assert saved.weight_bytes(tmp_path) > 0
    assert (tmp_path / "tokenizer.json").read_bytes() == (places[task] / "tokenizer.json").read_bytes()
    assert {path.suffix for path in tmp_path.iterdir()} <= {".json", ".safetensors", ".xml", ".bin", ".onnx"}


@pytest.mark.parametrize("recipe", [TOKEN, Recipe("openvino", "bfloat16"), GROUPS], ids=lambda one: one.name)
def test_batch_mates_and_padding_change_nothing(recipe: Recipe, sources: dict[str, Any]) -> None:
    if recipe not in recipes("embed"):
        pytest.skip("not installed")
    model = making.build(sources["embed"], recipe)
    requests = [model.predictor.item(tokens) for tokens in (7, 40, 3)]
    alone = [model.predict([request])[0] for request in requests]
    for one, other in zip(model.predict(requests), alone, strict=True):
        assert one.tolist() == pytest.approx(other.tolist(), abs=1e-5)


@pytest.mark.parametrize(
    "recipe",
    [one for one in recipes("embed") if one.mixable and one.per_channel and one.rest == "float32"],
    ids=lambda one: one.name,
)
def test_layers_that_are_kept_are_not_in_eight_bits(
    recipe: Recipe, places: dict[str, Path], sources: dict[str, Any], tmp_path: Path
) -> None:
    source = sources["embed"]
    names = making.linear_layers(source)
    assert len(names) == 12
    assert DENSE in names
    recipe = replace(recipe, kept=(DENSE,))
    saved.save(making.build(source, recipe), recipe, places["embed"], tmp_path)
    told = json.loads((tmp_path / "llmopt-model.json").read_bytes())
    assert set(told["layers"]) == set(names) - {DENSE}
    assert told["recipe"]["kept"] == [DENSE]


def test_all_layers_kept_is_the_source(sources: dict[str, Any]) -> None:
    source = sources["embed"]
    built = making.build(source, replace(TOKEN, kept=making.linear_layers(source)))
    assert torch.equal(answers(built), answers(source))


def test_heads_are_no_layers_to_round(sources: dict[str, Any]) -> None:
    assert not [name for name in making.linear_layers(sources["classify"]) if "classifier" in name]
    assert not [name for name in making.linear_layers(sources["embed"]) if "pooler" in name]
    assert len(making.linear_layers(sources["generate"])) == 14
    assert len(making.linear_layers(sources["gpt2"])) == 8


def test_gpt2_with_its_transposed_layers(places: dict[str, Path], sources: dict[str, Any], tmp_path: Path) -> None:
    built = making.build(sources["gpt2"], TOKEN)
    before = answers(sources["gpt2"])
    found = answers(built)
    assert 0 < (found - before).norm() < 0.06 * before.norm()
    saved.save(built, TOKEN, places["gpt2"], tmp_path)
    assert torch.equal(answers(saved.open_saved(tmp_path)), found)


def test_what_was_saved_generates(places: dict[str, Path], sources: dict[str, Any], tmp_path: Path) -> None:
    built = making.build(sources["generate"], TOKEN)
    saved.save(built, TOKEN, places["generate"], tmp_path)
    again = open_model(tmp_path, new_tokens=5)
    (row,) = again.predict([again.predictor.item(9)])
    assert len(row) == 5
    assert again.facts.new_tokens == 5


def test_logits_are_of_language_models_alone(sources: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no next tokens"):
        sources["embed"].token_logits([[5]])
    (alone,) = sources["generate"].token_logits([[5, 6, 7]])
    both = sources["generate"].token_logits([[5, 6, 7], [5, 6, 7, 8, 9]])
    assert alone.shape == (3, sources["generate"].known_tokens)
    assert torch.allclose(both[0], alone, atol=1e-5)
    with pytest.raises(InputError, match="without tokens"):
        sources["generate"].token_logits([[]])


def test_one_layer_alone_and_back(sources: dict[str, Any]) -> None:
    source = sources["embed"]
    before = answers(source)
    with making.quantized_alone(source, [DENSE]):
        assert not torch.equal(answers(source), before)
    assert torch.equal(answers(source), before)


def test_layers_that_there_are_not_and_models_made_already(
    sources: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="no linear layer 'x' to keep"):
        making.build(sources["embed"], replace(TOKEN, kept=("x",)))
    if GROUPS in recipes("generate"):
        raise AssertionError("language models are for torch")
    if GROUPS in recipes("embed"):
        with pytest.raises(UsageError, match="openvino does not generate here"):
            making.build(sources["generate"], GROUPS)
        with pytest.raises(UsageError, match="already made"):
            making.build(making.build(sources["embed"], GROUPS), TOKEN)


def damaged(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "llmopt-model.json"
    told = json.loads(path.read_bytes())
    change(told)
    path.write_text(json.dumps(told), encoding="utf-8")


@pytest.fixture(params=[TOKEN, TUTORIAL, GROUPS, Recipe("onnx", "float32")], ids=lambda one: one.name)
def written(request: pytest.FixtureRequest, places: dict[str, Path], sources: dict[str, Any], tmp_path: Path) -> Path:
    recipe = request.param
    if recipe not in recipes("embed"):
        pytest.skip("not installed")
    saved.save(making.build(sources["embed"], recipe), recipe, places["embed"], tmp_path)
    return tmp_path


def test_damaged_results_are_refused_in_one_line(written: Path) -> None:
    (weights, *more) = saved.weight_files(written)
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="its weights are not what"):
        open_model(written)
    for path in (weights, *more, *written.glob("*.xml")):
        path.unlink()
    with pytest.raises(InputError, match=r"no (model|openvino_model)"):
        open_model(written)


def test_records_that_make_no_sense_are_refused(written: Path) -> None:
    damaged(written, lambda told: told.update(format="llmopt-model/99"))
    with pytest.raises(InputError, match="format 'llmopt-model/99' is not known"):
        open_model(written)
    (written / "llmopt-model.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"llmopt-model\.json"):
        open_model(written)


def test_limits_beyond_the_tables_are_refused(written: Path) -> None:
    """Another engine would read past the end of a table."""
    whole = (written / "llmopt-model.json").read_bytes()
    for limits in ({"known_tokens": 10**9}, {"known_tokens": 0}, {"longest": 10**6}, {"longest": -1}):
        (written / "llmopt-model.json").write_bytes(whole)
        damaged(written, lambda told, limits=limits: told["limits"].update(limits))  # type: ignore[misc]
        with pytest.raises(InputError, match=r"its weights are not what .* limits of"):
            open_model(written)


def test_a_file_that_is_no_graph_is_told_without_chatter(
    places: dict[str, Path], sources: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if GROUPS not in recipes("embed"):
        pytest.skip("not installed")
    saved.save(making.build(sources["embed"], GROUPS), GROUPS, places["embed"], tmp_path)
    (tmp_path / "openvino_model.xml").write_text("<xml>", encoding="utf-8")
    with pytest.raises(InputError, match="no graph of OpenVINO"):
        open_model(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_layers_that_the_file_lacks(places: dict[str, Path], sources: dict[str, Any], tmp_path: Path) -> None:
    saved.save(making.build(sources["embed"], TOKEN), TOKEN, places["embed"], tmp_path)
    damaged(tmp_path, lambda told: told["layers"].pop())
    with pytest.raises(InputError, match="its weights are not what"):
        open_model(tmp_path)


@pytest.mark.parametrize("wish", [{"dtype": "bfloat16"}, {"attention": "eager"}, {"task": "classify"}])
def test_what_cannot_be_asked_of_a_result(wish: dict[str, str], places: dict[str, Path], sources: dict[str, Any],
                                          tmp_path: Path) -> None:  # fmt: skip
    saved.save(making.build(sources["embed"], TOKEN), TOKEN, places["embed"], tmp_path)
    with pytest.raises(UsageError):
        open_model(tmp_path, **wish)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_that_lead_out_are_not_copied(places: dict[str, Path], sources: dict[str, Any], tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a key", encoding="utf-8")
    link = places["embed"] / "vocab.txt"
    link.symlink_to(secret)
    target = tmp_path / "target"
    target.mkdir()
    try:
        saved.save(sources["embed"], TODAY, places["embed"], target)
    finally:
        link.unlink()
    assert not (target / "vocab.txt").exists()
    assert (target / "config.json").exists()


def test_openvino_says_nothing_to_anybody(
    places: dict[str, Path], sources: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It brings a library that asks for leave to send figures, and would write that into the home folder."""
    if GROUPS not in recipes("embed"):
        pytest.skip("not installed")

    def refused(*_: object) -> None:
        raise AssertionError("something asked the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    making.build(sources["embed"], GROUPS)
    assert sys.modules.get("openvino_telemetry") is None
    code = (
        "import sys; from llmopt.models.checkpoint import open_model; from llmopt.models.cpu.build import build\n"
        "from llmopt.models.cpu.recipe import Recipe\n"
        "build(open_model(sys.argv[1], device='cpu'), Recipe('openvino', 'int8', scales='token', group=64))\n"
        "print([name for name in sys.modules if name.startswith('openvino_telemetry.')])"
    )
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, str(places["embed"])],
        env=dict(os.environ) | {"HOME": str(home), "HF_HOME": str(tmp_path / "hub")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert not list(home.rglob("*"))
