"""How close the answers of a model are to those of another, on real inputs: vectors, classes, next tokens."""
