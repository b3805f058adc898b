"""Interpreters are found by name, and a name alone does not make one."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.release.pythons import find, offered, runs

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def yes(path: Path, version: str) -> bool:
    return True


def test_the_classifiers_name_them_in_order() -> None:
    prefix = "Programming Language :: Python :: 3"
    assert offered([f"{prefix}.13", f"{prefix}.9", f"{prefix} :: Only", f"{prefix}.11", "Topic"]) == [
        "3.9",
        "3.11",
        "3.13",
    ]


def test_path_comes_before_pyenv(tmp_path: Path) -> None:
    kept = executable(tmp_path / ".pyenv/versions/3.11.7/bin/python3.11")
    environment = {"HOME": str(tmp_path), "PATH": f":{tmp_path / 'bin'}"}
    assert find("3.11", environment, yes) == kept
    on_path = executable(tmp_path / "bin/python3.11")
    assert find("3.11", environment, yes) == on_path


def test_the_newest_that_pyenv_keeps_is_taken(tmp_path: Path) -> None:
    for version in ("3.11.9", "3.11.10", "3.11.2", "3.11-dev", "3.12.1"):
        executable(tmp_path / f"versions/{version}/bin/python{version[:4]}")
    found = find("3.11", {"PYENV_ROOT": str(tmp_path)}, yes)
    assert found == tmp_path / "versions/3.11.10/bin/python3.11"


def test_a_shim_that_stands_for_none_is_passed_over(tmp_path: Path) -> None:
    executable(tmp_path / f"shims/python{HERE}")
    environment = {"PATH": f"{tmp_path / 'shims'}:{Path(sys.executable).parent}", "HOME": str(tmp_path)}
    if shutil.which(f"python{HERE}", path=environment["PATH"].partition(":")[2]) is None:
        pytest.skip(f"no python{HERE} beside {sys.executable}")
    assert find(HERE, environment, runs) == Path(sys.executable).parent / f"python{HERE}"


def test_a_python_of_another_version_is_none(tmp_path: Path) -> None:
    assert runs(Path(sys.executable), HERE)
    assert not runs(Path(sys.executable), "3.8")
    assert not runs(tmp_path / "nothing", HERE)
    assert find("3.99", {"HOME": str(tmp_path), "PATH": str(tmp_path)}, runs) is None
