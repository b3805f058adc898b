"""The rules of the house that a tool can check: layers, sizes, owners of heavy libraries, what start-up loads."""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from importlinter.cli import lint_imports

from tests.conftest import GOLDEN, ROOT

PACKAGE = sorted((ROOT / "llmopt").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LONGEST_FILE, LONGEST_TEST_FILE, LONGEST_FUNCTION = 400, 500, 40

OWNERS = {
    "adbc_driver_postgresql": {"cost"},
    "aiohttp": {"serving"},
    "deltalake": {"cost"},
    "fastapi": {"serving"},
    "fsspec": {"cost"},
    "huggingface_hub": {"models"},
    "jsonschema_rs": {"serving"},
    "llmlingua": {"models"},
    "numpy": {"bench", "serving"},
    "onnx": {"models"},
    "onnxruntime": {"models"},
    "openvino": {"models"},
    "prometheus_client": {"serving"},
    "pyiceberg": {"cost"},
    "pynvml": {"models"},
    "pyspark": {"cost"},
    "ray": {"bench"},
    "redis": {"serving"},
    "regex": {"serving"},
    "rich": {"report", "cli"},
    "safetensors": {"models"},
    "sentencepiece": {"tokens", "models"},
    "starlette": {"serving"},
    "tiktoken": {"tokens"},
    "tokenizers": {"tokens", "models"},
    "toktok": {"tokens"},
    "torch": {"models"},
    "torchao": {"models"},
    "transformers": {"models"},
    "typer": {"cli"},
    "uvicorn": {"serving"},
    "vl_convert": {"report"},
}
"""Library -> the packages that may import it."""

HEAVY = (
    "aiohttp",
    "deltalake",
    "duckdb",
    "fsspec",
    "msgspec",
    "numpy",
    "openvino",
    "pandas",
    "pyarrow",
    "pydantic",
    "pyiceberg",
    "pyspark",
    "ray",
    "redis",
    "rich",
    "tiktoken",
    "torch",
    "vl_convert",
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_layers_hold(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    code = lint_imports(config_filename="pyproject.toml", no_cache=True)
    assert code == 0, capsys.readouterr().out


def test_a_file_holds_one_idea() -> None:
    limits = dict.fromkeys(PACKAGE, LONGEST_FILE) | dict.fromkeys(TESTS, LONGEST_TEST_FILE)
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in limits}
    assert not [f"{relative(path)}: {lengths[path]} lines" for path in limits if lengths[path] > limits[path]]


def test_a_function_fits_a_screen() -> None:
    assert not [
        f"{relative(path)}: {name}: {lines} lines"
        for path in PACKAGE
        for name, lines in seen(path).functions
        if lines > LONGEST_FUNCTION
    ]


def test_a_module_says_what_it_is_for() -> None:
    assert not [relative(path) for path in PACKAGE if not seen(path).purpose]


def test_heavy_libraries_stay_with_their_owners() -> None:
    assert not [
        f"{relative(path)}: {library} belongs to {OWNERS[library]}"
        for path in PACKAGE
        for library in sorted(seen(path).imported & set(OWNERS))
        if path.relative_to(ROOT / "llmopt").parts[0] not in OWNERS[library]
    ]


def test_the_core_needs_nothing_but_python() -> None:
    core = [path for path in PACKAGE if path.parent == ROOT / "llmopt" / "core"]
    known = {*sys.stdlib_module_names, "llmopt"}
    assert core
    assert not {relative(path): more for path in core if (more := seen(path).imported - known)}


def test_what_breaks_a_rule_is_seen(tmp_path: Path) -> None:
    """The rules look at all files at once: one that saw nothing would always hold."""
    path = tmp_path / "one.py"
    path.write_text("async def f():\n    'Do.'\n    import torch.nn\n" + "    x = 1\n" * 40, encoding="utf-8")
    assert seen(path) == Seen("", (("f", 41),), frozenset({"torch"}))
    path = tmp_path / "two.py"
    path.write_text("'A page.'\nfrom rich.table import Table\ndef f():\n    return Table\n", encoding="utf-8")
    assert seen(path) == Seen("A page.", (("f", 1),), frozenset({"rich"}))
    assert min(len(PACKAGE), len(TESTS)) > 300


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_start_up_loads_nothing_heavy(flag: str) -> None:
    code = "import sys; from llmopt.cli.main import run; run(sys.argv[1:]); print('\\n', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "llmopt.cli.registry" in loaded
    assert not loaded & set(HEAVY)
    assert not {name for name in loaded if name.startswith(("llmopt.cost", "llmopt.tokens"))}


def test_a_command_with_text_options_runs_without_pydantic() -> None:
    code = "import sys; from llmopt.cli.main import run; run(sys.argv[1:]); print('\\n', *sys.modules)"
    command = [sys.executable, "-c", code, "prices", "show", "gpt-4"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"pydantic", "rich"} & set(done.stdout.splitlines()[-1].split())


def test_import_llmopt_loads_nothing_of_it() -> None:
    code = "import sys; before = set(sys.modules); import llmopt; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded <= {"llmopt", *sys.stdlib_module_names}
    assert not [name for name in done.stdout.split() if name.startswith("llmopt.")]


def test_python_dash_m_runs_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-m", "llmopt", "--version"], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "llmopt", "")


def test_a_closed_pipe_is_fine() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "llmopt", "--help"], stdout=writer, stderr=subprocess.PIPE, cwd=ROOT)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("closed", "code", "told"), [(1, 2, "llmopt: error: standard output is closed\n"), (2, 0, "")])
def test_a_closed_stream_gives_no_traceback(closed: int, code: int, told: str) -> None:
    command = f'exec "{sys.executable}" -m llmopt --version {closed}>&-'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (code, told)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full stands for a full disk")
def test_a_full_disk_is_said_and_no_bug() -> None:
    command = [sys.executable, "-m", "llmopt", *["estimate", "--model", "gpt-4", "--input", "500", "--output", "300"]]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    told = "llmopt: error: stdout cannot be written: No space left on device\nllmopt: hint: make room on the disk\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_nothing_is_cut_in_a_golden_file() -> None:
    cut = [str(path) for path in GOLDEN.rglob("*") if path.is_file() and "\u2026" in path.read_text(encoding="utf-8")]
    assert not cut


class Seen(NamedTuple):
    """What the rules ask of a file."""

    purpose: str
    """The docstring of the module."""
    functions: tuple[tuple[str, int], ...]
    """Name and lines of each function, docstrings left out."""
    imported: frozenset[str]
    """Top-level packages that it imports, anywhere in it."""


@functools.cache
def seen(path: Path) -> Seen:
    """Parse a file, once for all rules, and keep no more of it than they need."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    functions, imported = [], set()
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.append((node.name, lines_of(node)))
        elif isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    return Seen(ast.get_docstring(module) or "", tuple(functions), frozenset(imported))


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.xdist_group("house")
def test_tests_of_a_group_stay_together(request: pytest.FixtureRequest) -> None:
    """A group that is forgotten runs its Spark or Chromium in each worker, and nothing tells."""
    if getattr(request.config.option, "loadgroup", False):
        assert request.node.nodeid.endswith("@house")
