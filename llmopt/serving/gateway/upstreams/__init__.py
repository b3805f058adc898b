"""Upstreams: who answers, over HTTP or in this process, and how often they are asked."""
