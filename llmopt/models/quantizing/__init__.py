"""`llmopt quantize`: what a user asks for, the checkpoint route, and the report that both routes give.

`config` and `report` are the values, `api` the way in. The checkpoint route is to be read from `route`: `plan` says by
the `rules` which tensors become what (`kinds` and `looked_at` know architectures), `shards` lays out the files of the
result, `stream` moves chunk after chunk through the `arithmetic`, `journal` and `destination` make a run that can be
killed and resumed, `metadata` writes what loaders read, `summary` the report. `answers` compares the result's answers
on real inputs.
"""
