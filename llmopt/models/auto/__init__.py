"""The CPU route of `llmopt quantize`: measure ways to run a model, choose the fastest within the quality gate.

`search` decides what to measure next and `choice` what to take; neither knows models. `trial` builds and measures one
candidate, `speed` times candidates in turn, `sensitivity` orders the layers, `route` puts all of it together into a
report, with `impact` for dollars and `gates` for what the user asked to hold.
"""
