"""The rules of the house that a tool can check: layers, sizes, owners of heavy libraries, what start-up loads."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

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
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_layers_hold(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    code = lint_imports(config_filename="pyproject.toml", no_cache=True)
    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize("path", PACKAGE + TESTS, ids=relative)
def test_a_file_holds_one_idea(path: Path) -> None:
    limit = LONGEST_FILE if path in PACKAGE else LONGEST_TEST_FILE
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit


@pytest.mark.parametrize("path", PACKAGE, ids=relative)
def test_a_function_fits_a_screen(path: Path) -> None:
    for function in functions(path):
        body = function.body[1:] if ast.get_docstring(function) else function.body
        lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
        assert lines <= LONGEST_FUNCTION, f"{function.name}: {lines} lines"


@pytest.mark.parametrize("path", PACKAGE, ids=relative)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", PACKAGE, ids=relative)
def test_heavy_libraries_stay_with_their_owners(path: Path) -> None:
    package = path.relative_to(ROOT / "llmopt").parts[0]
    for library in imported(path):
        assert package in OWNERS.get(library, {package}), f"{library} belongs to {OWNERS[library]}"


@pytest.mark.parametrize("path", sorted((ROOT / "llmopt" / "core").glob("*.py")), ids=relative)
def test_the_core_needs_nothing_but_python(path: Path) -> None:
    assert imported(path) <= {*sys.stdlib_module_names, "llmopt"}


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
    assert (done.returncode, done.stderr) == (2, "llmopt: error: stdout cannot be written: No space left on device\n")


def test_nothing_is_cut_in_a_golden_file() -> None:
    cut = [str(path) for path in GOLDEN.rglob("*") if path.is_file() and "\u2026" in path.read_text(encoding="utf-8")]
    assert not cut


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(path: Path) -> set[str]:
    """Return the top-level packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found
