"""Tokenizers of open models, from their files."""
