"""Replay a log through every lever at once, with one shared state, and say what a month would save."""
