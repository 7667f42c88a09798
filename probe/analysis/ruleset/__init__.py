"""Collect the rules of all tables, and the tree of mechanisms that they name."""
