"""The texts of a distillation: read, labelled, each once, and split so that the proof holds no text of the training."""
