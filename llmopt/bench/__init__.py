"""Drives a model, a callable or a URL and says how to batch it; imports neither torch nor a model.

What is measured becomes one service curve; `simulate` runs batchers on it, `recommend` searches their settings, and
`verify` runs the best one open loop, so that a prediction stands beside what came true. Needs numpy (extra `bench`).
"""
