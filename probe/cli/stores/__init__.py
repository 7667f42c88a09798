"""Implement `probe stores`, and the check of the ids of apps."""
