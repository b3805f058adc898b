"""Real English sentences that are on any machine with Python: the documentation of what is installed.

They are of docstrings in the standard library and in installed packages (read with `ast`, nothing is imported), of the
topics of `help()`, of the descriptions in METADATA files, and of `../shared/data` where that is there. Only prose is
taken: whole sentences of words, no signatures, tables or code. Each sentence comes once, and machines with the same
packages have the same ones.

    python benchmarks/distill_data.py FILE.txt [--most 60000]
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
import sysconfig
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from pydoc_data.topics import topics

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from llmopt.models.quality.data import text_hash

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
MOST = 60_000
MOST_BYTES = 1_000_000
"""Of a module; larger ones are generated."""
SHORTEST, LONGEST, FEWEST_WORDS = 30, 300, 5
LETTERS = 0.9
"""Share of letters and blanks that a sentence has at least."""
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_INSTALLED = ("site-packages", "dist-packages")
_TESTS = re.compile(r"tests?|testing|conftest|test_.*|.*_tests?|_vendor|vendored|lib2to3|idlelib", re.IGNORECASE)
_PARAGRAPHS = re.compile(r"\n[ \t]*\n")
_END = re.compile(r"(?<=[a-z)`'\"][.?!])\s+(?=[A-Z`])")
_NO_PROSE = re.compile(
    r"^\s*(?:>>>|\.\.|[-=~^*+|#:@<]|\$ |\w+ : |[A-Z]\w*:\s*$|(?:[\w*]+) ?\([^)]*\):|[\w-]+: \S+$)", re.MULTILINE
)
"""A line of a paragraph that is no text: code, a list, a heading, a field, a header."""
_NO_SENTENCE = re.compile(r"--|::|:\w+:|\s:\s|[={}<>|\\]|\w\(|\*\w|https?:|\be\.g\.$|\bi\.e\.$|\betc\.$|\bvs\.$")


def main() -> None:
    """Write the sentences to a file, one a line, and say where they are from."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--most", type=int, default=MOST, help="sentences at most, drawn by their hashes")
    asked = parser.parse_args()
    pairs = drawn(asked.most)
    asked.file.write_text("".join(f"{sentence}\n" for _, sentence in pairs), encoding="utf-8")
    sources = Counter(source for source, _ in pairs)
    print(f"{len(pairs):,} sentences of {len(sources)} sources, mostly {dict(sources.most_common(8))}")


def drawn(most: int = MOST, pairs: Iterator[tuple[str, str]] | None = None) -> list[tuple[str, str]]:
    """Return so many sentences at most, with their sources: those with the lowest hashes, in the order of these."""
    found = sorted((text_hash(sentence), source, sentence) for source, sentence in pairs or sentences())
    return [(source, sentence) for _, source, sentence in found[:most]]


def sentences(roots: Sequence[Path] | None = None, shared: Path = SHARED) -> Iterator[tuple[str, str]]:
    """Yield each sentence once with its source: the top-level package or module, `topics`, `metadata` or `xquad`.

    Args:
        roots: folders of packages; None: of this Python.
        shared: folder that may hold `xquad-dev.en.jsonl`.
    """
    seen: set[str] = set()
    folders = _folders() if roots is None else roots
    texts = chain.from_iterable(map(_docstrings, folders))
    about = chain.from_iterable(map(_descriptions, folders))
    for source, text in chain(_topics(), texts, about, _paragraphs(shared / "xquad-dev.en.jsonl")):
        for sentence in prose(text):
            key = " ".join(re.findall(r"[a-z]+", sentence.lower()))
            if key not in seen:
                seen.add(key)
                yield source, sentence


def prose(text: str) -> Iterator[str]:
    """Yield the sentences of a text that are whole and of words."""
    for paragraph in _PARAGRAPHS.split(text):
        if _NO_PROSE.search(paragraph):
            continue
        for sentence in _END.split(" ".join(paragraph.split())):
            if _is_prose(sentence):
                yield sentence


def _is_prose(sentence: str) -> bool:
    return (
        SHORTEST <= len(sentence) <= LONGEST
        and sentence[0].isupper()
        and sentence[-1] in ".?!"
        and sentence.count(" ") >= FEWEST_WORDS - 1
        and not _NO_SENTENCE.search(sentence)
        and sum(character.isalpha() or character == " " for character in sentence) >= LETTERS * len(sentence)
    )


def _folders() -> list[Path]:
    paths = sysconfig.get_paths()
    return [Path(path) for path in dict.fromkeys(paths[name] for name in ("stdlib", "purelib", "platlib"))]


def _topics() -> Iterator[tuple[str, str]]:
    return (("topics", topics[name]) for name in sorted(topics))


def _docstrings(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        names = (*parts[:-1], path.stem)
        if not any(name in _INSTALLED or _TESTS.fullmatch(name) for name in names):
            yield from ((names[0], text) for text in _of_module(path))


def _of_module(path: Path) -> Iterator[str]:
    """Yield the docstrings of a module; none of what is no Python of this version."""
    try:
        code = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code if len(code) <= MOST_BYTES else b"")
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in _documented(tree):
        text = ast.get_docstring(node)
        if text:
            yield text


def _documented(tree: ast.Module) -> Iterator[_Documented]:
    """Yield a module, and its classes and functions at any depth; expressions are not looked into."""
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, _Documented):
            yield node
        for field in ("orelse", "body"):
            left += reversed(getattr(node, field, []) if isinstance(node, ast.stmt | ast.Module) else [])


def _descriptions(root: Path) -> Iterator[tuple[str, str]]:
    """Yield what packages say of themselves: the bodies of their METADATA files."""
    for path in sorted(root.glob("*.dist-info/METADATA")):
        _, _, body = path.read_text(encoding="utf-8", errors="replace").partition("\n\n")
        yield "metadata", body


def _paragraphs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the paragraphs and questions of XQuAD, where they are."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            yield from (("xquad", text) for text in (row["context"], *(asked["question"] for asked in row["qas"])))


if __name__ == "__main__":
    main()
