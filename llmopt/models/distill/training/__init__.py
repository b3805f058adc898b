"""Train a student: batches, the learning rate, steps, snapshots that a run goes on from, and when to stop.

`train` (in `train.py`) puts them together. On one machine with the same number of threads the weights that it gives
are a function of the data, the settings and the seed, whether or not the run was stopped on its way and taken up again.
"""
