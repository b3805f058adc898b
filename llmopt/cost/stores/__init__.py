"""Logs that lie in object stores and on web servers: `s3://`, `gs://`, `az://`, `https://`.

How the modules fit together: `listing` finds the objects behind a URL through a store (`fsspec_store`, `http_store`)
and makes each a `Stored`; `heads` fetches their first bytes, many at a time; `duckdb_files` lets duckdb read them.
Nothing that sends anything is loaded before a URL is named.
"""
