"""Coverage-guided fuzzing of everything that reads what users, files and browsers say.

`python -m fuzzing` runs it; `fuzzing.targets` lists what is fuzzed; every harness holds a parser to its contract.
"""
