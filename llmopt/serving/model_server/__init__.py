"""A server over `AdaptiveBatcher` for any predict function: `model_app` (FastAPI) and `serve` (uvicorn, drain)."""
