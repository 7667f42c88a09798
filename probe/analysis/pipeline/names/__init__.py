"""Compute the tables about names and the addresses that they resolve to."""
