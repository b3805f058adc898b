"""Recipes are values with names of their own; only what is installed is offered."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from llmopt.models.cpu import recipe as module
from llmopt.models.cpu.recipe import PER_CHANNEL, TODAY, TUTORIAL, Recipe, recipes


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: name)


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("task", ["embed", "classify", "generate"])
def test_what_runs_today_is_first_and_the_tutorials_recipe_among_them(task: str) -> None:
    found = recipes(task)
    assert found[0] == TODAY
    assert TUTORIAL in found
    assert len({one.name for one in found}) == len(found)


@pytest.mark.usefixtures("everything")
def test_language_models_are_run_by_torch() -> None:
    assert {one.engine for one in recipes("generate")} == {"torch", "torchao"}
    assert {one.engine for one in recipes("embed")} == {"torch", "torchao", "openvino", "onnx"}


def test_engines_that_are_not_installed_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "onnx" else name)
    assert {one.engine for one in recipes("classify")} == {"torch", "torchao", "openvino"}
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert {one.engine for one in recipes("classify")} == {"torch"}


@pytest.mark.parametrize(
    ("recipe", "name", "scheme", "alone", "mixable"),
    [
        (TODAY, "torch float32", "float32", True, False),
        (TUTORIAL, "torch quantize_dynamic", "int8", False, True),
        (PER_CHANNEL, "torch quantize_dynamic per channel", "int8", False, True),
        (Recipe("torch", "int8", scales="token"), "torch int8 per token", "int8", True, True),
        (
            Recipe("openvino", "int8", rest="bfloat16", scales="token", group=64, kept=("x",)),
            "openvino int8 group 64, bfloat16 rest",
            "int8+bfloat16",
            True,
            True,
        ),
        (Recipe("onnx", "int8", scales="tensor"), "onnx int8", "int8", False, True),
        (Recipe("openvino", "bfloat16"), "openvino bfloat16", "bfloat16", True, False),
    ],
)
def test_a_recipe_says_what_it_is(recipe: Recipe, name: str, scheme: str, alone: bool, mixable: bool) -> None:
    assert (recipe.name, recipe.scheme, recipe.batch_independent, recipe.mixable) == (name, scheme, alone, mixable)
    assert replace(recipe, kept=("y",)).name == name
    assert recipe.extra == (None if recipe.engine == "torch" else recipe.engine)


@pytest.mark.parametrize(
    ("recipe", "mates"),
    [
        (TODAY, "nothing"),
        (Recipe("onnx", "float32"), "nothing"),
        (Recipe("torch", "bfloat16"), "padding"),
        (Recipe("torch", "int8", scales="token"), "padding"),
        (Recipe("openvino", "int8", scales="static"), "padding"),
        (TUTORIAL, "scale"),
    ],
)
def test_a_recipe_says_what_of_its_batch_mates_matters(recipe: Recipe, mates: str) -> None:
    words = {"nothing": None, "padding": "the length they pad a row to", "scale": "depends on its batch-mates"}
    assert recipe.mates == mates
    assert recipe.batch_independent is (mates != "scale")
    assert (words[mates] or "None") in str(recipe.mates_note)


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, llmopt.models.cpu.recipe, llmopt.models.cpu.features, llmopt.models.cpu.record as record\n"
    code += "import llmopt.models.factory\n"
    code += "print({'torch', 'numpy', 'transformers', 'openvino', 'onnxruntime', 'torchao'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
