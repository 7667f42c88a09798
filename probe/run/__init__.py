"""Carry out one run, from preflight to the results file."""
