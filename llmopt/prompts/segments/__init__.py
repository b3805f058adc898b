"""Parse a prompt into typed blocks and spans, and find what may not be touched."""
