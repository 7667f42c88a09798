"""Compute the columns that the rules read."""
