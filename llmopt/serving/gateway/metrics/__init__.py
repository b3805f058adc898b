"""What a gateway counts, and how Prometheus reads it: from one process, or from several workers together."""
