"""Pure values and arithmetic: no clock, no files, nothing but the standard library."""
