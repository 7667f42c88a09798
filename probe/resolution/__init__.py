"""Resolve names and decide which addresses are verified."""
