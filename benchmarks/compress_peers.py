"""Other prompt compressors, each pinned in a venv of its own and run as one process, JSON in and JSON out."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from tiktoken_ext import openai_public

from benchmarks.tokens_run import ranks

_LOOP = """
import json, sys, time
{setup}
work = json.load(open(sys.argv[1], encoding="utf-8"))
texts, queries, began = [], [], time.perf_counter()
for text in work["texts"]:
    try:
        texts.append({text})
    except Exception as error:
        texts.append(None)
took_s, ms = time.perf_counter() - began, []
for question, context, tokens in work["queries"]:
    began = time.perf_counter()
    try:
        queries.append({query})
    except Exception as error:
        queries.append(None)
    ms.append((time.perf_counter() - began) * 1e3)
json.dump({{"texts": texts, "queries": queries, "took_s": took_s, "ms": ms}}, open(sys.argv[2], "w"))
"""
_VECR = """
import logging
logging.disable(logging.CRITICAL)
from vecr_compress import compress
def joined(text, **options):
    found = compress([{"role": "user", "content": text}], protect_tail=0, protect_system=False, **options)
    return "\\n".join(message["content"] for message in found.messages)
"""
_HEADROOM = """
from headroom import compress
def joined(text):
    found = compress([{"role": "user", "content": text}], model="gpt-4o", compress_user_messages=True, protect_recent=0)
    return "\\n".join(str(message["content"]) for message in found.messages)
"""
_BM25 = """
import re
from rank_bm25 import BM25Okapi
def words(text): return re.findall(r"\\w+", text.lower())
def scored(question, parts):
    found = BM25Okapi([words(part) or ["-"] for part in parts]).get_scores(words(question))
    return [parts, [float(one) for one in found]]
def ranked(question, context):
    paragraphs = context.split("\\n\\n")
    sentences = [part for paragraph in paragraphs for part in re.split(r"(?<=[.!?]) ", paragraph)]
    return {"paragraphs": scored(question, paragraphs), "sentences": scored(question, sentences)}
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to run a package."""

    name: str
    package: str
    version: str
    setup: str
    """Python that imports it."""
    text: str = "None"
    """Expression of `text`: what comes of it."""
    query: str = "None"
    """Expression of `question`, `context` and `tokens`, the budget."""


PEERS = (
    Peer(
        "prompt-compressor low",
        "prompt-compressor",
        "0.1.0",
        "from prompt_compressor import compress",
        "compress(text, level='low').output",
    ),
    Peer(
        "prompt-compressor medium",
        "prompt-compressor",
        "0.1.0",
        "from prompt_compressor import compress",
        "compress(text, level='medium').output",
    ),
    Peer("shrink-prompt", "shrink-prompt", "1.0.0", "from shrinkprompt import compress", "compress(text)"),
    Peer(
        "claw-compactor",
        "claw-compactor",
        "7.1.0",
        "from claw_compactor.fusion.engine import FusionEngine\nengine = FusionEngine()",
        "engine.compress(text)['compressed']",
    ),
    Peer(
        "vecr-compress at half",
        "vecr-compress",
        "0.1.3",
        _VECR,
        "joined(text, target_ratio=0.5)",
        "joined(context, budget_tokens=tokens, question=question, use_question_relevance=True)",
    ),
    Peer("headroom-ai", "headroom-ai", "0.42.0", _HEADROOM, "joined(text)"),
    Peer("toon-format", "toon-format", "1.2.0", "import toon_format", "toon_format.dumps(json.loads(text))"),
    Peer("rank-bm25", "rank-bm25", "0.2.2", _BM25, query="ranked(question, context)"),
)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a peer made of its work."""

    texts: list[str | None]
    """None where it failed."""
    queries: list[object]
    took_s: float
    """All texts together; imports not timed."""
    ms: list[float]
    """Of each query."""


def installed(peer: Peer, venvs: Path) -> Path | None:
    """Return the Python of the peer's venv, made where there is none; None where it cannot be installed."""
    venv = venvs / f"{peer.package}-{peer.version}"
    python = venv / "bin" / "python"
    if (venv / "installed").exists():
        return python
    print(f"installing {peer.package}=={peer.version}", file=sys.stderr)
    wanted = f"{peer.package}=={peer.version}"
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted)
    for command in ((sys.executable, "-m", "venv", str(venv)), pip):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{wanted} cannot be installed: {done.stderr.strip()[-300:]}", file=sys.stderr)
            return None
    (venv / "installed").touch()
    return python


def answered(
    peer: Peer, venvs: Path, texts: Sequence[str], queries: Sequence[tuple[str, str, int]] = (), limit_s: float = 900
) -> Answered | None:
    """Run a peer over texts and over (question, context, tokens); None where it cannot be installed or fails."""
    python = installed(peer, venvs)
    if python is None:
        return None
    _fill_cache(venvs / "tiktoken")
    work, result = venvs / "work.json", venvs / "result.json"
    work.write_text(json.dumps({"texts": list(texts), "queries": list(queries)}), encoding="utf-8")
    result.unlink(missing_ok=True)
    code = _LOOP.format(setup=peer.setup, text=peer.text, query=peer.query)
    env = {"HOME": str(venvs), "PATH": os.defpath, "TIKTOKEN_CACHE_DIR": str(venvs / "tiktoken"), "HF_HUB_OFFLINE": "1"}
    command = [str(python), "-I", "-c", code, str(work), str(result)]
    print(f"running {peer.name}: {len(texts)} texts, {len(queries)} queries", file=sys.stderr)
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=limit_s)
    except subprocess.TimeoutExpired:
        print(f"{peer.name} took longer than {limit_s:.0f} s", file=sys.stderr)
        return None
    if done.returncode or not result.exists():
        print(f"{peer.name} failed: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    return Answered(**json.loads(result.read_text(encoding="utf-8")))


def _fill_cache(folder: Path) -> None:
    """Put the vocabularies where tiktoken looks for them before it downloads."""
    if folder.exists():
        return
    asked: list[str] = []

    def note(url: str, expected_hash: str | None = None) -> bytes:
        asked.append(url)
        return ranks(url, expected_hash)

    with mock.patch("tiktoken.load.read_file_cached", note):
        for name in ("o200k_base", "cl100k_base"):
            openai_public.ENCODING_CONSTRUCTORS[name]()
    folder.mkdir(parents=True)
    for url in asked:
        (folder / hashlib.sha1(url.encode()).hexdigest()).write_bytes(ranks(url))
