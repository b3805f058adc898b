"""Counts for models whose tokenizer is not public: estimated from the text, or reconstructed."""
