"""The page on serving: its example runs, and its tables name what there is."""

from __future__ import annotations

import re
from typing import Any

from tests.conftest import ROOT
from tests.serving.model_server.running import Letters, serving

PAGE = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")


def test_the_example_makes_an_application() -> None:
    example = next(code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "model_app" in code)
    names: dict[str, Any] = {}
    exec(example, names)
    assert "/predict" in names["app"].openapi()["paths"]


def test_every_metric_is_on_the_page_and_every_one_on_it_exists() -> None:
    with serving(Letters().served()) as server:
        server.ask("/predict", {"input": "a"})
        server.ask("/predict", {"input": "a!"})
        text = server.ask("/metrics").body.decode()
    existing = set(re.findall(r"^# TYPE (llmopt_\w+)", text, re.MULTILINE))
    assert set(re.findall(r"^\| `(llmopt_\w+)", PAGE, re.MULTILINE)) == existing
    queried = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"rate\((llmopt_\w+)", PAGE)}
    assert queried <= existing
