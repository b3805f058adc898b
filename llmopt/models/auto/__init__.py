"""The CPU route of `llmopt quantize`: measure ways to run a model, choose the fastest within the quality gate.

To be read from `route`: `opening` (the source), `explore` (what is measured: `candidates` says which ways there are and
which is taken, `search` looks for the fastest on `points`, `trial` builds and measures one, `speed` times it,
`sensitivity` orders the layers), `written` (the result as it was saved), `report` with `remarks` and `impact`.
"""
