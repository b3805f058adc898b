"""The gateway: one OpenAI-compatible door with cache, routing, compression, streaming, budgets and metrics."""
