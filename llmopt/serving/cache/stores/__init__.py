"""Where answers are kept: in memory, in an SQLite file, in Redis or Valkey."""
