"""Callables by name: found, called, and told in one line when something is wrong with them."""

from __future__ import annotations

import gzip
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmopt.bench.callables import CallableFactory, open_callable, words_of
from llmopt.bench.inputs import read_inputs
from llmopt.bench.local import LocalTarget
from llmopt.core.target import LocalModel
from llmopt.errors import InputError, LlmoptError, OutOfMemory, UsageError
from tests.conftest import ROOT

CODE = """
import asyncio
print("imported")

def double(texts):
    return [text * 2 for text in texts]

def raises(texts):
    raise ValueError("no\\nway")

def bare(texts):
    raise KeyError

def deep(texts):
    return [text.nothing for text in texts]

def short(texts):
    return texts[:-1]

def exhausted(texts):
    class OutOfMemoryError(RuntimeError):
        pass
    raise OutOfMemoryError("CUDA out of memory")

def full(texts):
    raise MemoryError

def generator(texts):
    yield from texts

async def later(texts):
    return texts

async def stream(texts):
    yield texts

class Model:
    def __call__(self, texts):
        return tuple(texts)
    def method(self, texts):
        return texts

class Later:
    async def __call__(self, texts):
        return texts

model, awaited = Model(), Later()
number = 7
returned = {"none": None, "text": "ab", "dict": {}, "int": 3}
none = lambda texts: None
text = lambda texts: "ab"
mapping = lambda texts: {1: 2}

class Scalar:
    "As an array of no dimension."
    def __len__(self):
        raise TypeError("len() of a 0-d tensor")

class Place:
    type = "cuda"
    __str__ = lambda self: "cuda:1"

class Tensor:
    device = Place()

scalar = lambda texts: Scalar()
elsewhere = lambda texts: [Tensor() for _ in texts]

def wordy(texts):
    raise ValueError("x" * 5000)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with user code, as the current one; modules and the path are as before afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "usercode.py").write_text(CODE)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "other.py").write_text("from neighbour import VALUE\nf = lambda x: [VALUE] * len(x)\n")
    (tmp_path / "sub" / "neighbour.py").write_text("VALUE = 5\n")
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("spec", ["usercode:double", "usercode.py:double", "./usercode.py:double"])
def test_a_function_is_found_and_called(folder: Path, spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    model: LocalModel = open_callable(spec)
    assert capsys.readouterr() == ("", "imported\n")
    assert model.predictor.predict(["a", "b"]) == ["aa", "bb"]
    facts = model.facts
    assert (facts.name, facts.task, facts.device, facts.max_tokens) == (spec, "callable", "cpu", None)
    assert facts.device_name


def test_a_file_finds_its_neighbours_and_python_its_own_modules(folder: Path) -> None:
    assert open_callable("sub/other.py:f").predict([1, 2]) == [5, 5]
    (folder / "json.py").write_text("f = list\n")
    open_callable("json.py:f")
    assert sys.modules["json"].dumps([1]) == "[1]"


@pytest.mark.parametrize(
    "spec",
    ["usercode:model", "usercode:model.method", "usercode:Model.__call__.__get__", "builtins:list", "usercode:short"],
)
def test_other_callables(folder: Path, spec: str) -> None:
    assert open_callable(spec).predictor.item(1)


def test_tuples_become_lists(folder: Path) -> None:
    assert open_callable("usercode:model").predict(["x", "y"]) == ["x", "y"]
    numpy = pytest.importorskip("numpy")
    (folder / "arrays.py").write_text("import numpy\nf = lambda x: numpy.ones((len(x), 2))\n")
    rows = open_callable("arrays:f").predict([1, 2, 3])
    assert (type(rows), len(rows)) == (list, 3)
    assert isinstance(rows[0], numpy.ndarray)


def test_requests_are_texts_of_so_many_words(folder: Path) -> None:
    predictor = open_callable("usercode:double").predictor
    assert [predictor.length(predictor.item(words)) for words in (1, 2, 50)] == [1, 2, 50]
    assert predictor.item(30) != predictor.item(30)
    assert open_callable("usercode:double").predictor.item(9) == open_callable("usercode:double").predictor.item(9)


def test_memory_of_the_process_is_told(folder: Path) -> None:
    clock = open_callable("usercode:double").clock
    clock.start()
    clock.synchronize()
    assert clock.read().peak_memory_bytes is None or clock.read().peak_memory_bytes


@pytest.mark.parametrize(
    ("spec", "message", "kind"),
    [
        ("double", "names no callable", UsageError),
        (":double", "names no callable", UsageError),
        ("usercode:", "names no callable", UsageError),
        ("usercode:a b", "names no callable", UsageError),
        ("user-code:double", "is no name of a module", UsageError),
        ("../x:double", "is no name of a module", UsageError),
        ("nowhere:double", "nowhere: no such module", InputError),
        ("nowhere.at.all:double", "nowhere.at.all: no such module", InputError),
        ("usercode.sub:double", "no such module", InputError),
        ("nowhere.py:double", "nowhere.py: no such file", InputError),
        ("sub.py:double", "sub.py: no such file", InputError),
        ("usercode:nothing", "usercode has no nothing", InputError),
        ("usercode:model.nothing", "usercode has no model.nothing", InputError),
        ("usercode:number", "is an int and cannot be called", InputError),
        ("usercode:returned", "is a dict and cannot be called", InputError),
        ("usercode:later", "coroutine function", InputError),
        ("usercode:stream", "coroutine function", InputError),
        ("usercode:awaited", "coroutine function", InputError),
    ],
)
def test_names_that_lead_nowhere(folder: Path, spec: str, message: str, kind: type[LlmoptError]) -> None:
    with pytest.raises(LlmoptError, match=message) as caught:
        open_callable(spec)
    assert type(caught.value) is kind
    assert caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("usercode:doubel", r"^did you mean double\?$"),
        ("usercode:model.methods", r"^did you mean method\?$"),
        ("usercode:zzz", "^it has double, raises"),
        ("usercode:number.zzz", "it has as_integer_ratio"),
        ("sub/relative.py:f", "^name it with its package"),
    ],
)
def test_a_wrong_name_gets_those_there_are(folder: Path, spec: str, hint: str) -> None:
    (folder / "sub" / "relative.py").write_text("from .neighbour import VALUE")
    with pytest.raises(InputError) as caught:
        open_callable(spec)
    assert re.search(hint, caught.value.hint)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ValueError('first\\nsecond')", r"importing bad raised ValueError: first \(.*bad.py:1\)$"),
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("from json import nothing", "ImportError: cannot import name"),
        ("def f(:", r"SyntaxError: .*\(bad.py, line 1\)$"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import sys; sys.exit()", "SystemExit"),
    ],
)
def test_code_that_cannot_be_imported(folder: Path, code: str, message: str) -> None:
    (folder / "bad.py").write_text(code)
    for spec in ("bad:f", "bad.py:f"):
        with pytest.raises(InputError, match=message if spec == "bad:f" else "importing bad.py raised") as caught:
            open_callable(spec)
        assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raises", r"^usercode:raises raised ValueError: no \(.*usercode.py:9\)$"),
        ("bare", r"raised KeyError \(.*usercode.py:12\)$"),
        ("deep", "raised AttributeError: 'str' object has no attribute 'nothing'"),
        ("generator", "returned a generator, not a list"),
        ("none", "returned a NoneType, not a list"),
        ("text", "returned a str, not a list"),
        ("mapping", "returned a dict, not a list"),
        ("scalar", "returned a Scalar, not a list"),
        ("elsewhere", r"returned a Tensor on cuda:1, which may still be at work$"),
        ("wordy", r"^usercode:wordy raised ValueError: x{300} \("),
    ],
)
def test_calls_that_go_wrong(folder: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        open_callable(f"usercode:{name}").predict(["a", "b"])
    assert caught.value.hint


def test_a_place_in_the_code_of_llmopt_is_not_told(folder: Path) -> None:
    with pytest.raises(InputError, match=r"^builtins:int raised TypeError: [^(]*\(\)[^(]*$"):
        open_callable("builtins:int").predict(["a"])


@pytest.mark.parametrize("name", ["exhausted", "full"])
def test_memory_that_runs_out(folder: Path, name: str) -> None:
    with pytest.raises(OutOfMemory, match="out of memory"):
        open_callable(f"usercode:{name}").predict(["a"])


def test_errors_of_llmopt_pass(folder: Path) -> None:
    (folder / "own.py").write_text("from llmopt.errors import OutOfMemory\ndef f(x): raise OutOfMemory('mine')\n")
    with pytest.raises(OutOfMemory, match=r"^mine$"):
        open_callable("own:f").predict(["a"])


def test_a_short_result_is_told_with_both_numbers(folder: Path) -> None:
    target = LocalTarget(open_callable("usercode:short"))
    with pytest.raises(InputError, match="usercode:short returned 3 results for 4 requests"):
        target.run((1, 1, 1, 1))
    target.close()


def test_requests_come_from_a_file_in_turn(folder: Path) -> None:
    (folder / "texts.txt").write_text("one\n\ntwo words\r\nlast line here")
    model = open_callable("usercode:double", str(folder / "texts.txt"))
    items = [model.predictor.item(9) for _ in range(5)]
    assert items == ["one", "two words", "last line here", "one", "two words"]
    target = LocalTarget(open_callable("usercode:double", str(folder / "texts.txt")))
    timing = target.run((9, 9, 9))
    assert (timing.useful_tokens, timing.padded_tokens) == (6, 9)
    target.close()


@pytest.mark.parametrize(
    ("name", "content", "values"),
    [
        ("a.jsonl", b'{"a": 1}\n\n"text"\n3\n[1, "\xe2\x80\xa8"]\n', [{"a": 1}, "text", 3, [1, "\u2028"]]),
        ("a.ndjson", b"1", [1]),
        ("a.json", b'[1, {"b": [2]}]', [1, {"b": [2]}]),
        ("a.txt", b'{"a": 1}\n\xff', ['{"a": 1}', "\ufffd"]),
        ("a.jsonl.gz", gzip.compress(b"1\n2"), [1, 2]),
        ("a", b"x", ["x"]),
    ],
)
def test_files_of_requests(tmp_path: Path, name: str, content: bytes, values: list[Any]) -> None:
    (tmp_path / name).write_bytes(content)
    assert read_inputs(str(tmp_path / name)) == values


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"\n \n", "no request in it"),
        ("a.json", b"[]", "no request in it"),
        ("a.json", b"{}", "a JSON list of requests is needed"),
        ("a.json", b"[1", "a.json: "),
        ("a.json", b"[" * 100_000, "a.json: "),
        ("a.jsonl", b"1\nx\n", "a.jsonl:2: "),
        ("a.jsonl", b'1\n"\xff"\n', "a.jsonl:2: "),
        ("a.gz", gzip.compress(b"1\n2")[:-9], "cannot be read"),
    ],
)
def test_files_that_hold_no_requests(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_inputs(str(tmp_path / name))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", ["nothing.txt", "."])
def test_no_such_file_of_requests(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        read_inputs(str(tmp_path / name))


@pytest.mark.parametrize(("value", "words"), [("", 1), ("a b", 2), ({"a b": "c"}, 3), (7, 1), (b"x y", 2), (None, 1)])
def test_words_of_values(value: Any, words: int) -> None:
    assert words_of(value) == words


def test_a_factory_can_be_sent_elsewhere(folder: Path) -> None:
    factory = pickle.loads(pickle.dumps(CallableFactory("usercode:double")))
    assert factory.name == "usercode:double"
    assert factory.open().predictor.predict(["a"]) == ["aa"]


def test_no_heavy_library_is_loaded_for_a_callable() -> None:
    code = (
        "import sys; from llmopt.bench.callables import CallableFactory; from llmopt.bench.child import ChildTarget;"
        "from llmopt.models.factory import ModelFactory; CallableFactory('builtins:list').open();"
        "print(*({'torch', 'transformers', 'numpy', 'pynvml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "\n", os.linesep
