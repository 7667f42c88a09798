"""Compute verdict records from rows and rules."""
