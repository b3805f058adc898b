"""Checkpoints as they lie on disk: what is in them and where, told from headers, without torch and running nothing."""
