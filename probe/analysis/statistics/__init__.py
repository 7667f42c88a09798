"""Compute intervals, tests and change points with pure functions."""
