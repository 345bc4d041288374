"""Speed, measured: one file per stage, run once each by the tests, timed by `python -m benchmarks`."""
