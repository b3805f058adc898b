"""Logs that lie in databases: `query` chooses the module that writes a query's rows to a Parquet file."""
