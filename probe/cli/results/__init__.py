"""Implement the commands that show and check results."""
