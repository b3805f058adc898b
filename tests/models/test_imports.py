"""What transformers loads late is loaded ahead, and only where it will be used."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.models.extras import library

library("transformers", "semantic")
import_modelling: Any = importlib.import_module("llmopt.models.imports").import_modelling
KIND, MODULE = "nystromformer", "transformers.models.nystromformer.modeling_nystromformer"


def folder_of(path: Path, kind: str, engine: str | None = None) -> Path:
    (path / "config.json").write_text(json.dumps({"model_type": kind}), encoding="utf-8")
    if engine:
        record = importlib.import_module("llmopt.models.cpu.record")
        limits = importlib.import_module("llmopt.models.positions").Limits
        recipe = importlib.import_module("llmopt.models.cpu.recipe").Recipe
        record.write_saved(path, record.Saved(recipe(engine, "int8"), "embed", limits(10, None, 5)))
    return path


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, MODULE, raising=False)


@pytest.mark.parametrize(("engine", "loaded"), [(None, True), ("torch", True), ("openvino", False), ("onnx", False)])
def test_only_what_will_be_used_is_loaded(tmp_path: Path, engine: str | None, loaded: bool) -> None:
    import_modelling(folder_of(tmp_path, KIND, engine))
    assert (MODULE in sys.modules) is loaded


@pytest.mark.parametrize("kind", ["", "no such kind", "../bert", "nosuchkind", "bert.modeling_bert"])
def test_a_kind_that_is_not_known_is_left_to_opening(tmp_path: Path, kind: str) -> None:
    before = set(sys.modules)
    import_modelling(folder_of(tmp_path, kind))
    assert MODULE not in sys.modules
    assert not {name for name in set(sys.modules) - before if "nosuchkind" in name}


def test_a_folder_that_is_no_model_or_damaged_is_left_to_opening(tmp_path: Path) -> None:
    import_modelling(tmp_path)
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    import_modelling(tmp_path)
    import_modelling(tmp_path / "none")
