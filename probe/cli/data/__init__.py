"""Implement the commands that work on many measurements."""
