"""Tables of data lakes: `tables` finds them among paths; `delta` and `iceberg` list their current files."""
