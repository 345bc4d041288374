"""A page and a JSON interface for people who would rather click, on the same engine."""

HOST = "127.0.0.1"
"""Loopback: nobody but this machine."""
PORT = 8350
MOST_WAITING = 20
"""Runs that may wait for their turn."""
MOST_KEPT = 20
"""Finished runs that are remembered, with their results."""
MOST_ROWS = 20_000
"""Candidates that a run may keep: a page holds no more with comfort."""
MOST_BYTES = 64 * 1024
"""Longest request."""
MOST_DRAWN = 5_000_000
"""Candidates that a run may draw at random: their numbers are held in memory."""
