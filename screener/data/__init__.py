"""Frozen element tables and the script that makes them."""
