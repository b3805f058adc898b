"""Steps between the client's request and the one that goes to the upstream: routing and compression."""
