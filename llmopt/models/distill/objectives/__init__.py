"""What students learn: which answers of a teacher are kept, and the loss against them; one module for each task."""
