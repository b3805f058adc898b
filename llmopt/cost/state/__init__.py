"""Price logs that grow night by night: what was read once is kept in a folder, and only what is new is read."""
