"""What a teacher says of each text, asked once and kept on disk while the student trains.

`answered` fills the cache or goes on with one that a killed run left; `answers` reads it, in any order.
"""
