"""What runs while requests come in: batching, latency budgets, a local model server.

`batching` and `budget` need the standard library only; what needs a server library says so (extra `serve`).
"""
