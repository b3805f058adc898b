"""The cache stage: what was answered before is answered again, and what is asked at once is asked once."""
