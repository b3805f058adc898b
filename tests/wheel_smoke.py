"""Run inside the venv of the built wheel: the package is the installed one, typed, and holds the prices."""

from __future__ import annotations

import sys
from pathlib import Path

import llmopt

home = Path(llmopt.__file__).parent
problems = []
if "site-packages" not in home.parts:
    problems.append(f"{home} is not the installed package")
if not (home / "py.typed").is_file():
    problems.append("py.typed is missing")
if not list(home.glob("_pricing/providers/*.json")):
    problems.append("the price files are missing")
if not (home / "_pricing" / "prompt-caching.json").is_file():
    problems.append("the rules of the providers' prompt caches are missing")
if not llmopt.count_tokens("Where is my parcel?", model="claude-sonnet-4-5").tokens:
    problems.append("the estimators are missing")
if not all((home / "report" / "page" / name).is_file() for name in ("page.css", "page.js")):
    problems.append("the looks of pages are missing")
sys.exit("; ".join(problems) or 0)
