"""Compute the columns about name resolution."""
