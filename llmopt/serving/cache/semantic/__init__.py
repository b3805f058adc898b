"""Answers to questions that say the same in other words: opt-in, guarded, audited."""
