"""Compute confidence intervals, significance tests and change points with pure functions."""
