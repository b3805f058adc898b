"""A log replayed through what would save: caching, routing."""
