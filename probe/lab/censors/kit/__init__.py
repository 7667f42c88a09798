"""Provide what several censors share."""
