"""What people look at: a report of a result in one file, and pictures of it for papers."""

MOST_POINTS = 200_000
"""Largest space that is predicted again for a map; a larger one is taken at a wider step."""
