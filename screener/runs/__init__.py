"""Runs that survive: journals, locks, shards, and the way back into a run that was killed."""
