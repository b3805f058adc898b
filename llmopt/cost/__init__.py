"""What traffic cost: log formats, prices, the engine that joins them."""
