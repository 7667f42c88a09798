"""Prove that two commits judge the same measurements alike: `python -m tests.analysis.equality`."""
