"""TODO of its owner."""
