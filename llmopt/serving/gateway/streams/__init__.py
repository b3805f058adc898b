"""Streams of events on their way to a client: seen, cleaned of what the gateway asked for, ended when they break."""
