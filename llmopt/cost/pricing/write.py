"""Write a price file: JSON with one line a row, so that a changed price is one changed line in a diff."""

from __future__ import annotations

import json

import msgspec

from llmopt.cost.pricing.schema import ModelData, PriceFile, encode_row


def encode_file(file: PriceFile) -> bytes:
    """Return `file` as UTF-8 text with a fixed order of keys; `decode` reads it back."""
    head = msgspec.to_builtins(file)
    models = head.pop("models", {})
    lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    body = [f"    {json.dumps(model, ensure_ascii=False)}: {_model(file.models[model])}" for model in sorted(models)]
    lines.append('  "models": {\n' + ",\n".join(body) + "\n  }" if body else '  "models": {}')
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _model(model: ModelData) -> str:
    head = msgspec.to_builtins(model)
    head.pop("rows", None)
    lines = [f"      {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    rows = ",\n".join(f"        {encode_row(row)}" for row in model.rows)
    lines.append(f'      "rows": [\n{rows}\n      ]')
    return "{\n" + ",\n".join(lines) + "\n    }"
